// SPDX-License-Identifier: Apache-2.0
// Small pure functions on text. ASCII only and independent of the locale, so that every host gives
// the same answers.
#include "base/text.h"

#include <algorithm>
#include <array>

namespace gpuhook {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";
constexpr std::size_t kQuotedBytes = 200;

char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void append_escaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (byte >= 0x20 && byte < 0x7f) {
    out += c;
  } else {
    out += "\\x" + hex(byte, 2);
  }
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kQuotedBytes)) append_escaped(out, c);
  out += text.size() > kQuotedBytes ? "...\"" : "\"";
  return out;
}

std::string one_line(std::string text) {
  const auto control = [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; };
  std::replace_if(text.begin(), text.end(), control, '?');
  return text;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  std::size_t start = 0;
  for (std::size_t end = text.find(separator); end != std::string_view::npos;
       end = text.find(separator, start)) {
    pieces.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  pieces.push_back(text.substr(start));
  return pieces;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  std::size_t start = text.find_first_not_of(" \t");
  while (start != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(" \t", start), text.size());
    found.push_back(text.substr(start, end - start));
    start = text.find_first_not_of(" \t", end);
  }
  return found;
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> found = split(text, '\n');
  if (found.back().empty()) found.pop_back();
  return found;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower_char);
  return out;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower_char(a) == lower_char(b); });
}

std::string hex(std::uint64_t value, std::size_t width) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (; value != 0 || out.size() < width; value >>= 4U) out += kDigits[value & 0xfU];
  std::reverse(out.begin(), out.end());
  return out;
}

std::string octal(std::uint32_t value) {
  std::array<char, 12> digits{};
  (void)std::to_chars(digits.begin(), digits.end(), value, 8);
  return concat("0", digits.data());
}

std::string joined(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (&part != parts.data()) out += separator;
    out += part;
  }
  return out;
}

}  // namespace gpuhook
