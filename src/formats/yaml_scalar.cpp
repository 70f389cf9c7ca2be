// SPDX-License-Identifier: Apache-2.0
#include "formats/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace gpuhook::formats {
namespace {

using nlohmann::json;

constexpr std::string_view kDigits = "0123456789";

template <std::size_t Size>
bool is_one_of(std::string_view word, const std::array<std::string_view, Size>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kTrue{"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> kFalse{"false", "False", "FALSE"};
// Truth values of YAML 1.1, words of 1.2.
constexpr std::array<std::string_view, 16> kDisputed{"y",  "Y",   "yes", "Yes", "YES", "n",
                                                     "N",  "no",  "No",  "NO",  "on",  "On",
                                                     "ON", "off", "Off", "OFF"};

std::string_view without_sign(std::string_view word) {
  return word.starts_with('-') || word.starts_with('+') ? word.substr(1) : word;
}

bool only(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

// Where the reading of a decimal number stops; `value` is left alone when out of range.
const char* read_real(std::string_view word, double& value) {
  if (word.starts_with('+')) word.remove_prefix(1);
  return std::from_chars(word.data(), word.data() + word.size(), value).ptr;
}

// Whether somebody takes the word for a number.
bool is_number(std::string_view word) {
  const std::string_view digits = without_sign(word);
  if (digits.starts_with("0x")) return only(digits.substr(2), "0123456789abcdefABCDEF");
  if (digits.starts_with("0o") || digits.starts_with("0b")) return only(digits.substr(2), kDigits);
  double value = 0;
  return only(digits.substr(0, 1), "0123456789.") &&
         read_real(word, value) == word.data() + word.size();
}

std::optional<json> integer(std::string_view word, std::string_view digits, int base) {
  const std::optional<std::uint64_t> value = number<std::uint64_t>(digits, base);
  if (!value) return std::nullopt;
  if (!word.starts_with('-')) return json(*value);
  if (*value > std::uint64_t{1} << 63U) return std::nullopt;
  return json(static_cast<std::int64_t>(~*value + 1));
}

// 0666, 0o666, 0x1b6; nothing for what readers dispute: -0x1, 0b1, 089.
std::optional<json> with_base(std::string_view word) {
  const std::string_view digits = without_sign(word);
  if (only(digits, "01234567")) return integer(word, digits, 8);
  if (digits.size() != word.size()) return std::nullopt;
  if (digits.starts_with("0o")) return integer(word, digits.substr(2), 8);
  if (digits.starts_with("0x")) return integer(word, digits.substr(2), 16);
  return std::nullopt;
}

std::optional<json> number_value(std::string_view word) {
  const std::string_view digits = without_sign(word);
  if (digits.size() > 1 && digits[0] == '0' && !only(digits.substr(1, 1), ".eE"))
    return with_base(word);
  if (only(digits, kDigits)) {
    if (std::optional<json> whole = integer(word, digits, 10)) return whole;
  }
  double value = HUGE_VAL;
  (void)read_real(word, value);  // is_number() saw that it is one
  return std::isfinite(value) ? std::optional<json>(value) : std::nullopt;
}

// The word without the underscores that YAML 1.1 has between digits.
std::string without_underscores(std::string_view word) {
  std::string out(word);
  std::erase(out, '_');
  return out;
}

// 1:20 is eighty seconds and 2001-02-03 a day to readers of YAML 1.1.
bool is_time(std::string_view word) {
  const bool sexagesimal =
      word.find(':') != std::string_view::npos && only(without_sign(word), "0123456789:._");
  const bool day = word.size() >= 8 && only(word.substr(0, 4), kDigits) && word[4] == '-';
  return sexagesimal || day;
}

}  // namespace

std::optional<json> plain_scalar(std::string_view word) {
  if (is_one_of(word, kNull)) return json(nullptr);
  if (is_one_of(word, kTrue)) return json(true);
  if (is_one_of(word, kFalse)) return json(false);
  if (is_one_of(word, kDisputed)) return std::nullopt;
  const std::string folded = lower(without_sign(word));
  if (folded == ".inf" || folded == ".nan") return std::nullopt;
  if (is_number(word)) return number_value(word);
  if (!word.starts_with('_') && is_number(without_underscores(word))) return std::nullopt;
  return json(std::string(word));
}

bool is_plain_text(std::string_view word) {
  const std::optional<json> value = plain_scalar(word);
  return value && value->is_string() && !is_time(word);
}

}  // namespace gpuhook::formats
