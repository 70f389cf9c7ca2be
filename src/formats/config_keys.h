// SPDX-License-Identifier: Apache-2.0
// One way to turn TOML values into members of Config, for both kinds of file.
#pragma once

// toml++ 3.3 asserts, and with NDEBUG even assumes, that it has seen a key where a hostile text has
// none ("[["); without either it reports an error, as it should.
#define TOML_ASSERT(condition) static_assert(true)
#define TOML_ASSERT_ASSUME(condition) static_assert(true)
#include <toml++/toml.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

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

// Errors: kBadInput naming the line, also for texts that would nest deeper than a stack allows.
Result<toml::table> parse_toml(std::string_view text);

// A name in a list, and where it stands.
struct Item {
  std::string text;
  std::size_t line = 0;
};

Result<bool> bool_value(const toml::node& node, std::string_view key);
Result<std::string> string_value(const toml::node& node, std::string_view key);
// An absolute path, or nothing for an empty string.
Result<std::optional<HostPath>> path_value(const toml::node& node, std::string_view key);
// A list of non-empty strings; and, as the toolkit writes lists, one string with commas.
Result<std::vector<Item>> list_value(const toml::node& node, std::string_view key);
Result<std::vector<Item>> comma_list_value(const toml::node& node, std::string_view key);

// A key of a file: its dotted path and what its value does to a Config.
using ReadKey = Status (*)(const toml::node& node, std::string_view key, Config& config);
struct ConfigKey {
  std::string_view path;  // "requests.accept-volume-mounts"
  ReadKey read;
};

// Readers for members of Config; `Items` is one of the two list functions above.

template <bool Config::*Member>
Status read_bool(const toml::node& node, std::string_view key, Config& config) {
  config.*Member = TRY(bool_value(node, key));
  return {};
}

template <std::optional<HostPath> Config::*Member>
Status read_path(const toml::node& node, std::string_view key, Config& config) {
  config.*Member = TRY(path_value(node, key));
  return {};
}

template <std::vector<std::string> Config::*Member, auto Items>
Status read_names(const toml::node& node, std::string_view key, Config& config) {
  (config.*Member).clear();
  for (Item& item : TRY(Items(node, key))) (config.*Member).push_back(std::move(item.text));
  return {};
}

template <auto Member, auto Parse, auto Items>
Status read_set(const toml::node& node, std::string_view key, Config& config) {
  auto& set = config.*Member = {};
  for (const Item& item : TRY(Items(node, key)))
    set.insert(TRY(doing(concat("line ", item.line), Parse(item.text))));
  return {};
}

// Capabilities can be named together, by "all".
template <auto Items>
Status read_capabilities(const toml::node& node, std::string_view key, Config& config) {
  CapabilitySet& set = config.supported_capabilities = {};
  for (const Item& item : TRY(Items(node, key))) {
    if (item.text == "all") {
      set = CapabilitySet::all();
    } else {
      set.insert(TRY(doing(concat("line ", item.line), parse_capability(item.text))));
    }
  }
  return {};
}

// Programs, each a name or an absolute path; at least one.
Status read_runtimes(const toml::node& node, std::string_view key, Config& config);

Status read_user(const toml::node& node, std::string_view key, Config& config);

}  // namespace gpuhook::formats
