// SPDX-License-Identifier: Apache-2.0
// A document builder over nlohmann-json's event parser, which neither recurses nor throws.
#include "formats/json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json_builder.h"

namespace gpuhook::formats {
namespace {

using nlohmann::json;

// The events of nlohmann-json's parser, for the builder.
class Events : public nlohmann::json_sax<json> {
 public:
  explicit Events(JsonBuilder& builder) : builder_(builder) {}

  bool null() override { return builder_.put(json(nullptr)); }
  bool boolean(bool value) override { return builder_.put(json(value)); }
  bool number_integer(number_integer_t value) override { return builder_.put(json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return builder_.put(json(value)); }
  bool number_float(number_float_t value, const string_t& /*spelling*/) override {
    return builder_.put(json(value));
  }
  bool string(string_t& value) override { return builder_.put(json(std::move(value))); }
  bool binary(binary_t& /*value*/) override { return builder_.stop("binary value"); }
  bool start_object(std::size_t /*size*/) override { return builder_.open(json::object()); }
  bool key(string_t& name) override { return builder_.key(std::move(name)); }
  bool end_object() override { return builder_.close(); }
  bool start_array(std::size_t /*size*/) override { return builder_.open(json::array()); }
  bool end_array() override { return builder_.close(); }
  bool parse_error(std::size_t position, const std::string& /*last*/,
                   const json::exception& /*error*/) override {
    return builder_.stop(concat("malformed at byte ", position));
  }

 private:
  JsonBuilder& builder_;
};

tl::unexpected<Error> wrong_type(std::string_view name, std::string_view wanted) {
  return fail(ErrorKind::kBadInput, concat(in_quotes(name), " is not ", wanted));
}

}  // namespace

Result<json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    return fail(ErrorKind::kBadInput, concat("larger than ", limits.bytes, " bytes"));
  if (text.find('\0') != std::string_view::npos)
    return fail(ErrorKind::kBadInput, "contains a NUL byte");
  if (text.starts_with("\xef\xbb\xbf"))
    return fail(ErrorKind::kBadInput, "begins with a byte order mark");
  JsonBuilder builder(limits);
  Events events(builder);
  if (!json::sax_parse(text, &events))
    return fail(ErrorKind::kBadInput, concat("not JSON: ", builder.problem));
  return std::move(builder.document);
}

Result<const json*> member(const json& object, std::string_view name) {
  if (!object.is_object())
    return fail(ErrorKind::kBadInput,
                concat("what should hold ", in_quotes(name), " is not an object"));
  const json* found = nullptr;
  for (const auto& [key, value] : object.items()) {
    if (key == name) {
      found = &value;
    } else if (equal_ignoring_case(key, name)) {
      return fail(ErrorKind::kBadInput, concat("key ", in_quotes(key), " differs from ",
                                               in_quotes(name), " in case only"));
    }
  }
  return found;
}

Result<std::optional<std::string>> string_member(const json& object, std::string_view name) {
  const json* const value = TRY(member(object, name));
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return wrong_type(name, "a string");
  return std::optional<std::string>(value->get<std::string>());
}

Result<std::optional<std::int64_t>> integer_member(const json& object, std::string_view name) {
  const json* const value = TRY(member(object, name));
  if (value == nullptr) return std::optional<std::int64_t>();
  const bool fits =
      value->is_number_integer() &&
      (!value->is_number_unsigned() || value->get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits) return wrong_type(name, "an integer");
  return std::optional<std::int64_t>(value->get<std::int64_t>());
}

Result<std::vector<std::string>> string_list_member(const json& object, std::string_view name) {
  const json* const value = TRY(member(object, name));
  std::vector<std::string> list;
  if (value == nullptr || value->is_null()) return list;
  if (!value->is_array()) return wrong_type(name, "a list of strings");
  for (const json& element : *value) {
    if (!element.is_string()) return wrong_type(name, "a list of strings");
    list.push_back(element.get<std::string>());
  }
  return list;
}

}  // namespace gpuhook::formats
