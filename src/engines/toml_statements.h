// SPDX-License-Identifier: Apache-2.0
// The lines of a TOML document and what they define, for edits that keep every other byte.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gpuhook::engines {

// A dotted path, part by part: {"plugins", "io.containerd.grpc.v1.cri", "containerd"}.
using TomlPath = std::vector<std::string>;

bool begins_with(const TomlPath& path, const TomlPath& prefix);

// A header, or a key with its value.
struct TomlStatement {
  bool header = false;
  TomlPath path;               // of a key: with its table's in front
  std::size_t table_size = 0;  // how many parts of the path are the table's; all of a header's
  std::size_t first = 0;       // lines [first, last), counted from zero
  std::size_t last = 0;
  std::string_view before_value;  // of a key: its first line up to the value, "  a = "
};

// In document order. Takes the text of a well-formed document (parse_toml accepted it). A key with
// an escape in it keeps the escape, and is therefore taken for another: who redefines it by that
// has the result refused by the parser.
std::vector<TomlStatement> toml_statements(std::string_view text);

// The path as a header or key spells it.
std::string toml_spelling(const TomlPath& path);

}  // namespace gpuhook::engines
