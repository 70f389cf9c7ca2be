// SPDX-License-Identifier: Apache-2.0
// Places in the text of a JSON document, for edits that keep every other byte.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace gpuhook::formats {

// Bytes [begin, end) of a text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const Span&) const = default;
};

struct Member {
  Span key;  // with its quotes
  Span value;
};

// All of these take the text of a well-formed document (parse_json accepted it) and the span of a
// value in it.

Span whole_value(std::string_view text);
// In document order.
std::vector<Member> members(std::string_view text, Span object);
std::vector<Span> elements(std::string_view text, Span array);
// The member called `name` (spelled without escapes); nothing when there is none.
std::optional<Member> find_member(std::string_view text, Span object, std::string_view name);

}  // namespace gpuhook::formats
