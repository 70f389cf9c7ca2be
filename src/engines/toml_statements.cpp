// SPDX-License-Identifier: Apache-2.0
// A scanner that knows strings, comments and brackets, and nothing else of TOML.
#include "engines/toml_statements.h"

#include <algorithm>

#include "base/text.h"

namespace gpuhook::engines {
namespace {

constexpr std::string_view kBareKey =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Goes to the next statement; whether there is one.
  bool find_statement() {
    while (more()) {
      if (peek() == '#') {
        skip_line();
      } else if (is_blank(peek()) || peek() == '\r' || peek() == '\n') {
        step();
      } else {
        return true;
      }
    }
    return false;
  }

  TomlStatement statement() {
    const std::size_t begin = line_begin_;
    TomlStatement found{.header = peek() == '[', .first = line_};
    while (peek() == '[') step();
    found.path = key();
    if (!found.header && peek() == '=') step();
    skip_blanks();
    found.before_value = text_.substr(begin, at_ - begin);
    if (!found.header) skip_value();
    skip_line();
    found.last = line_;
    if (!more() && !text_.ends_with('\n')) ++found.last;
    return found;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  [[nodiscard]] bool more() const { return at_ < text_.size(); }
  [[nodiscard]] char peek() const { return more() ? text_[at_] : '\0'; }
  [[nodiscard]] bool sees(std::string_view what) const {
    return text_.substr(at_).starts_with(what);
  }

  void step() {
    if (!more()) return;
    if (text_[at_++] == '\n') {
      ++line_;
      line_begin_ = at_;
    }
  }

  void skip_blanks() {
    while (is_blank(peek())) step();
  }
  void skip_line() {
    while (more() && peek() != '\n') step();
    step();
  }

  std::string key_part() {
    skip_blanks();
    const char quote = peek();
    const std::size_t begin = at_;
    if (quote != '"' && quote != '\'') {
      while (more() && kBareKey.find(peek()) != std::string_view::npos) step();
      return std::string(text_.substr(begin, at_ - begin));
    }
    skip_string();
    return std::string(text_.substr(begin + 1, std::max(at_ - begin, std::size_t{2}) - 2));
  }

  TomlPath key() {
    TomlPath path{key_part()};
    skip_blanks();
    while (peek() == '.') {
      step();
      path.push_back(key_part());
      skip_blanks();
    }
    return path;
  }

  void skip_string() {
    const std::string one(1, peek());
    const std::string three = concat(one, one, one);
    const bool long_string = sees(three);
    const std::string_view end = long_string ? three : one;
    for (std::size_t i = 0; i < end.size(); ++i) step();
    while (more() && !sees(end)) {
      if (peek() == '\\' && one == "\"") step();
      step();
    }
    for (std::size_t i = 0; i < end.size(); ++i) step();
    // A long string may end in quotes of its own.
    while (long_string && sees(one)) step();
  }

  void skip_value() {
    std::size_t depth = 0;
    while (more()) {
      const char c = peek();
      if (c == '"' || c == '\'') {
        skip_string();
        continue;
      }
      if (depth == 0 && (c == '\n' || c == '#')) return;
      if (c == '#') {
        skip_line();
        continue;
      }
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && depth > 0) --depth;
      step();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
  std::size_t line_begin_ = 0;
};

}  // namespace

bool begins_with(const TomlPath& path, const TomlPath& prefix) {
  return path.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

std::vector<TomlStatement> toml_statements(std::string_view text) {
  std::vector<TomlStatement> found;
  TomlPath table;
  Scanner scanner(text);
  while (scanner.find_statement()) {
    TomlStatement next = scanner.statement();
    if (next.header) {
      table = next.path;
    } else {
      next.path.insert(next.path.begin(), table.begin(), table.end());
    }
    next.table_size = table.size();
    found.push_back(std::move(next));
  }
  return found;
}

std::string toml_spelling(const TomlPath& path) {
  std::string out;
  for (const std::string& part : path) {
    const bool bare = !part.empty() && part.find_first_not_of(kBareKey) == std::string::npos;
    out += concat(out.empty() ? "" : ".", bare ? "" : "\"", part, bare ? "" : "\"");
  }
  return out;
}

}  // namespace gpuhook::engines
