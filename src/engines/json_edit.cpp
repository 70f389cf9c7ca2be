// SPDX-License-Identifier: Apache-2.0
// Cuts and inserts at the places that the scanner of formats/json_text finds.
#include "engines/json_edit.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace gpuhook::engines {

using formats::Member;
using formats::Span;

std::string with_replaced(std::string_view text, Span span, std::string_view replacement) {
  return concat(text.substr(0, span.begin), replacement, text.substr(span.end));
}

std::string_view part(std::string_view text, Span span) {
  return text.substr(span.begin, span.end - span.begin);
}

std::string_view blanks_before(std::string_view text, std::size_t at) {
  const std::size_t last = text.find_last_not_of(" \t\r\n", at == 0 ? 0 : at - 1);
  return last == std::string_view::npos ? std::string_view() : text.substr(last + 1, at - last - 1);
}

namespace {

// Appends a piece of text as last thing of an object or array, in the style of the things before
// it.
std::string with_appended(std::string_view text, Span container, std::optional<Span> last,
                          std::size_t last_begin, std::string_view piece) {
  if (!last) return with_replaced(text, {container.begin + 1, container.begin + 1}, piece);
  return with_replaced(text, {last->end, last->end},
                       concat(",", blanks_before(text, last_begin), piece));
}

std::vector<Span> whole_members(std::string_view text, Span object) {
  std::vector<Span> spans;
  for (const Member& member : formats::members(text, object))
    spans.push_back({member.key.begin, member.value.end});
  return spans;
}

}  // namespace

std::string with_member(std::string_view text, Span object, std::string_view piece) {
  const std::vector<Member> all = formats::members(text, object);
  if (all.empty()) return with_appended(text, object, std::nullopt, 0, piece);
  return with_appended(text, object, all.back().value, all.back().key.begin, piece);
}

std::string with_element(std::string_view text, Span array, std::string_view piece) {
  const std::vector<Span> all = formats::elements(text, array);
  if (all.empty()) return with_appended(text, array, std::nullopt, 0, piece);
  return with_appended(text, array, all.back(), all.back().begin, piece);
}

std::string without(std::string_view text, const std::vector<Span>& neighbours, std::size_t index) {
  if (neighbours.size() == 1) return with_replaced(text, neighbours[0], "");
  if (index == 0) return with_replaced(text, {neighbours[0].begin, neighbours[1].begin}, "");
  return with_replaced(text, {neighbours[index - 1].end, neighbours[index].end}, "");
}

std::string without_member(std::string_view text, Span object, const Member& member) {
  const std::vector<Span> all = whole_members(text, object);
  const auto found = std::find(all.begin(), all.end(), Span{member.key.begin, member.value.end});
  return without(text, all, static_cast<std::size_t>(found - all.begin()));
}

}  // namespace gpuhook::engines
