// SPDX-License-Identifier: Apache-2.0
// TOML values with their types checked.
#include "formats/config_keys.h"

#include <algorithm>

namespace gpuhook::formats {
namespace {

// Every part of a dotted key is a table in a table, and toml++ goes through them recursively.
// Together with its own limit of 256 nested values this stays far below any stack.
constexpr std::ptrdiff_t kMaxDots = 32;

// Where a string of one line ends that begins at `at`; the end of the line when it does not.
std::size_t end_of_string(std::string_view line, std::size_t at) {
  const char quote = line[at++];
  for (; at < line.size() && line[at] != quote; ++at) {
    if (line[at] == '\\' && quote == '"') ++at;
  }
  return std::min(at + 1, line.size());
}

// How many dots of a line can be between keys: none in a comment or string. Where a string of
// several lines may begin or end, all count; a line wholly inside such a string has no keys.
std::ptrdiff_t dots_of(std::string_view line) {
  if (line.find("\"\"\"") != std::string_view::npos || line.find("'''") != std::string_view::npos)
    return std::count(line.begin(), line.end(), '.');
  std::ptrdiff_t dots = 0;
  for (std::size_t at = 0; at < line.size() && line[at] != '#';) {
    if (line[at] == '"' || line[at] == '\'') {
      at = end_of_string(line, at);
    } else {
      if (line[at] == '.') ++dots;
      ++at;
    }
  }
  return dots;
}

Status check_nesting(std::string_view text) {
  std::size_t number = 0;
  for (const std::string_view line : lines(text)) {
    ++number;
    if (dots_of(line) > kMaxDots)
      return fail(ErrorKind::kBadInput, concat("line ", number, ": more than ", kMaxDots, " dots"));
  }
  return {};
}

}  // namespace

Result<toml::table> parse_toml(std::string_view text) {
  TRY(check_nesting(text));
  toml::parse_result parsed = toml::parse(text);
  if (parsed) return std::move(parsed).table();
  const toml::parse_error& error = parsed.error();
  return fail(ErrorKind::kBadInput, concat("line ", error.source().begin.line,
                                           ": not TOML: ", in_quotes(error.description())));
}

Result<bool> bool_value(const toml::node& node, std::string_view key) {
  const auto value = node.value_exact<bool>();
  if (!value) return wrong_type(node, key, "true or false");
  return *value;
}

Result<std::string> string_value(const toml::node& node, std::string_view key) {
  auto value = node.value_exact<std::string>();
  if (!value) return wrong_type(node, key, "a string");
  if (value->find('\0') != std::string::npos) return wrong_type(node, key, "a string without NUL");
  return std::move(*value);
}

Result<std::optional<HostPath>> path_value(const toml::node& node, std::string_view key) {
  const std::string text = TRY(string_value(node, key));
  if (text.empty()) return std::optional<HostPath>();
  const Result<HostPath> path = HostPath::parse(text);
  if (!path) return wrong_type(node, key, "an absolute path");
  return std::optional<HostPath>(*path);
}

Result<std::vector<Item>> list_value(const toml::node& node, std::string_view key) {
  constexpr std::string_view kType = "a list of strings";
  const toml::array* const list = node.as_array();
  if (list == nullptr) return wrong_type(node, key, kType);
  std::vector<Item> items;
  for (const toml::node& entry : *list) {
    const auto text = entry.value_exact<std::string>();
    if (!text) return wrong_type(entry, key, kType);
    if (text->empty()) return wrong_type(entry, key, "a list of names, none of them empty");
    if (text->find('\0') != std::string::npos) return wrong_type(entry, key, "without NUL");
    items.push_back({.text = *text, .line = entry.source().begin.line});
  }
  return items;
}

Result<std::vector<Item>> comma_list_value(const toml::node& node, std::string_view key) {
  const std::string text = TRY(string_value(node, key));
  std::vector<Item> items;
  for (const std::string_view item : split(text, ',')) {
    if (!trimmed(item).empty())
      items.push_back({.text = std::string(trimmed(item)), .line = node.source().begin.line});
  }
  return items;
}

Status read_runtimes(const toml::node& node, std::string_view key, Config& config) {
  std::vector<std::string> runtimes;
  for (Item& item : TRY(list_value(node, key))) {
    const bool path = item.text.find('/') != std::string::npos;
    if (path && !HostPath::parse(item.text))
      return wrong_type(node, key, "a list of program names or absolute paths");
    runtimes.push_back(std::move(item.text));
  }
  if (runtimes.empty()) return wrong_type(node, key, "a list with at least one program");
  config.runtimes = std::move(runtimes);
  return {};
}

Status read_user(const toml::node& node, std::string_view key, Config& config) {
  config.questions.user = TRY(string_value(node, key));
  return {};
}

}  // namespace gpuhook::formats
