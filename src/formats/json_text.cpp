// SPDX-License-Identifier: Apache-2.0
// A scanner that finds where values begin and end. It relies on the document being well-formed and
// checks nothing but bounds.
#include "formats/json_text.h"

#include <algorithm>

namespace gpuhook::formats {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

class Scanner {
 public:
  Scanner(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  [[nodiscard]] bool more() const { return at_ < text_.size(); }
  [[nodiscard]] char peek() const { return more() ? text_[at_] : '\0'; }

  void skip_blank() { at_ = std::min(text_.find_first_not_of(kBlank, at_), text_.size()); }

  // Steps over `c` and the blanks around it; whether it was there.
  bool take(char c) {
    skip_blank();
    if (peek() != c) return false;
    ++at_;
    skip_blank();
    return true;
  }

  Span value() {
    skip_blank();
    const std::size_t begin = at_;
    if (peek() == '"') {
      skip_string();
    } else if (peek() == '{' || peek() == '[') {
      skip_container();
    } else {
      at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
    }
    return {.begin = begin, .end = at_};
  }

 private:
  void skip_string() {
    for (++at_; more() && peek() != '"'; ++at_) {
      if (peek() == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, text_.size());
  }

  void skip_container() {
    std::size_t depth = 0;
    while (more()) {
      const char c = peek();
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
      if (depth == 0) return;
    }
  }

  std::string_view text_;
  std::size_t at_;
};

}  // namespace

Span whole_value(std::string_view text) { return Scanner(text, 0).value(); }

std::vector<Member> members(std::string_view text, Span object) {
  std::vector<Member> found;
  Scanner scanner(text.substr(0, object.end), object.begin);
  if (!scanner.take('{') || scanner.peek() == '}') return found;
  do {
    Member member;
    member.key = scanner.value();
    if (!scanner.take(':')) break;
    member.value = scanner.value();
    found.push_back(member);
  } while (scanner.take(','));
  return found;
}

std::vector<Span> elements(std::string_view text, Span array) {
  std::vector<Span> found;
  Scanner scanner(text.substr(0, array.end), array.begin);
  if (!scanner.take('[') || scanner.peek() == ']') return found;
  do {
    found.push_back(scanner.value());
  } while (scanner.take(','));
  return found;
}

std::optional<Member> find_member(std::string_view text, Span object, std::string_view name) {
  for (const Member& member : members(text, object)) {
    const std::string_view key = text.substr(member.key.begin, member.key.end - member.key.begin);
    if (key.size() == name.size() + 2 && key.substr(1, name.size()) == name) return member;
  }
  return std::nullopt;
}

}  // namespace gpuhook::formats
