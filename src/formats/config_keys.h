// SPDX-License-Identifier: Apache-2.0
// One way to turn TOML values into members of Config, for both kinds of file.
#pragma once

#include <toml++/toml.h>

#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/config.h"

namespace gpuhook::formats {

// "line 12: WHAT", the beginning of every message about a file.
inline std::string at_line(const toml::node& node, std::string_view what) {
  return concat("line ", node.source().begin.line, ": ", what);
}

inline tl::unexpected<Error> wrong_type(const toml::node& node, std::string_view key,
                                        std::string_view type) {
  return fail(ErrorKind::kBadInput, at_line(node, concat(in_quotes(key), " must be ", type)));
}

// A key of a file: its dotted path and what its value does to a Config.
struct ConfigKey {
  std::string_view path;  // "requests.accept-volume-mounts"
  Status (*read)(const toml::node& node, std::string_view key, Config& config);
};

Result<toml::table> parse_toml(std::string_view text);

Result<bool> bool_value(const toml::node& node, std::string_view key);
Result<std::string> string_value(const toml::node& node, std::string_view key);
// A list of strings.
Result<std::vector<std::string>> list_value(const toml::node& node, std::string_view key);
// An absolute path, or nothing for an empty string.
Result<std::optional<HostPath>> path_value(const toml::node& node, std::string_view key);

// The members that `names` name, by a parse function such as parse_capability; errors get the line.
template <class Member>
Result<SetOf<Member>> set_value(const toml::node& node, std::span<const std::string> names,
                                Result<Member> (*parse)(std::string_view)) {
  SetOf<Member> set;
  for (const std::string& name : names) {
    if (name == "all") {
      set.insert(SetOf<Member>::all());
    } else {
      set.insert(TRY(doing(concat("line ", node.source().begin.line), parse(name))));
    }
  }
  return set;
}

}  // namespace gpuhook::formats
