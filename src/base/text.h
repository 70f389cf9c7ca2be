// SPDX-License-Identifier: Apache-2.0
// Small pure functions on text: splitting, numbers, quoting for messages.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gpuhook {

// The arguments as one string; numbers in decimal.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  const auto append = [&out](const auto& part) {
    if constexpr (std::integral<std::decay_t<decltype(part)>> &&
                  !std::same_as<std::decay_t<decltype(part)>, char>) {
      out += std::to_string(part);
    } else {
      out += part;
    }
  };
  (append(parts), ...);
  return out;
}

// The text in double quotes with everything but printable ASCII escaped, cut after 200 bytes: safe
// in a terminal or log line whoever wrote it.
std::string in_quotes(std::string_view text);

// The text with a question mark for each control character: one line, in a terminal or a log.
std::string one_line(std::string text);

std::string_view trimmed(std::string_view text);

// The pieces between separators; one piece more than there are separators.
std::vector<std::string_view> split(std::string_view text, char separator);
// The non-empty runs between spaces and tabs.
std::vector<std::string_view> words(std::string_view text);
// Lines without their line ends; a final line end does not add an empty line.
std::vector<std::string_view> lines(std::string_view text);

std::string lower(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);

// The number when the whole text is one, in range, without sign or space; otherwise nothing.
template <std::unsigned_integral Number>
std::optional<Number> number(std::string_view text, int base = 10) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return value;
}

std::string hex(std::uint64_t value, std::size_t width);
// As modes of files are written: "0660".
std::string octal(std::uint32_t value);

std::string joined(std::span<const std::string> parts, std::string_view separator);

}  // namespace gpuhook
