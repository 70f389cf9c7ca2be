// SPDX-License-Identifier: Apache-2.0
// Edits of TOML texts in blocks that can be taken out again (marked_text.h), checked by parsing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engines/toml_statements.h"
#include "formats/config_keys.h"
#include "gpuhook/engines.h"

namespace gpuhook::engines {

// Values are spelled as TOML.

struct TomlKey {
  TomlPath table;
  std::string key;
  std::string value;
};

// A table that is replaced as a whole, with what is below it.
struct TomlTable {
  using Entries = std::vector<std::pair<std::string, std::string>>;
  TomlPath path;
  Entries entries;
  std::optional<std::pair<std::string, Entries>> child;  // one table below it
};

// What a document shall say. Tables without a header of their own are written at its end, in this
// order, keys first.
struct TomlWish {
  std::vector<TomlKey> keys;
  std::vector<TomlTable> tables;
};

// Errors: kBadInput when `text` is not TOML, or defines things in a way that has no place for the
// wish, such as an inline table.
Result<std::string> with_wish(std::string_view text, const TomlWish& wish, bool new_file);

// What a path leads to in a parsed document, or nullptr.
const toml::node* node_at(const toml::table& document, const TomlPath& path);
std::string string_at(const toml::table& document, const TomlPath& path);  // "" for anything else

// `text`, which has no quotes, backslashes and control characters, as TOML.
std::string toml_quoted(std::string_view text);
// A boolean, number, string, or list of strings, as TOML; nothing for anything else.
std::optional<std::string> toml_value(const toml::node& node);

// A file that is edited so, or from which our blocks are taken out when there is no wish.
struct TomlFile {
  HostPath path;
  std::string_view preamble;  // of a file that does not exist yet
};
using MakeWish = std::function<Result<TomlWish>(const toml::table& document)>;
Result<FileChange> edited_toml_file(const TomlFile& file, const ReadFile& read,
                                    const std::optional<MakeWish>& wish);

// A file as it was before we wrote to it.
struct EarlierFile {
  std::optional<std::string> now;  // as it is; nothing when there is none
  std::string text;
  bool new_file = false;  // there was none
};
// Errors: kBadInput also for texts with a byte order mark or NUL bytes: half of the engines and we
// would not read them alike.
Result<EarlierFile> earlier_file(const HostPath& path, const ReadFile& read,
                                 std::string_view preamble);

}  // namespace gpuhook::engines
