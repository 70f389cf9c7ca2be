// SPDX-License-Identifier: Apache-2.0
// TOML values with their types checked.
#include "formats/config_keys.h"

namespace gpuhook::formats {

Result<toml::table> parse_toml(std::string_view text) {
  toml::parse_result parsed = toml::parse(text);
  if (parsed) return std::move(parsed).table();
  const toml::parse_error& error = parsed.error();
  return fail(ErrorKind::kBadInput, concat("line ", error.source().begin.line, ": not TOML: ",
                                           one_line(std::string(error.description()))));
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

Result<std::vector<std::string>> list_value(const toml::node& node, std::string_view key) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return wrong_type(node, key, "a list of strings");
  std::vector<std::string> values;
  for (const toml::node& entry : *list) values.push_back(TRY(string_value(entry, key)));
  return values;
}

Result<std::optional<HostPath>> path_value(const toml::node& node, std::string_view key) {
  const std::string text = TRY(string_value(node, key));
  if (text.empty()) return std::optional<HostPath>();
  const Result<HostPath> path = HostPath::parse(text);
  if (!path) return wrong_type(node, key, "an absolute path");
  return std::optional<HostPath>(*path);
}

}  // namespace gpuhook::formats
