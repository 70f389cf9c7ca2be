// SPDX-License-Identifier: Apache-2.0
// Text to text, by the places that json_text finds.
#include "formats/json_edit.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"

namespace gpuhook::formats {
namespace {

bool is_null(std::string_view text, Span value) { return part(text, value) == "null"; }

// Appends pieces as last things of an object or list whose present things are `neighbours`, in
// their style.
std::string with_appended(std::string_view text, Span container,
                          const std::vector<Span>& neighbours,
                          std::span<const std::string> pieces) {
  if (pieces.empty()) return std::string(text);
  std::string added;
  std::size_t at = container.begin + 1;
  if (neighbours.empty()) {
    added = joined(pieces, ", ");
  } else {
    const std::string_view blanks = blanks_before(text, neighbours.back().begin);
    for (const std::string& piece : pieces) added += concat(",", blanks, piece);
    at = neighbours.back().end;
  }
  return with_replaced(text, {.begin = at, .end = at}, added);
}

tl::unexpected<Error> wrong_kind(std::string_view name, std::string_view wanted) {
  return fail(ErrorKind::kBadInput, concat(in_quotes(name), " is not ", wanted));
}

// The text that a quoted string stands for.
Result<std::string> decoded(std::string_view quoted) {
  if (quoted.find('\\') == std::string_view::npos)
    return std::string(quoted.substr(1, quoted.size() - 2));
  const nlohmann::json value = TRY(parse_json(quoted, {.bytes = quoted.size()}));
  if (!value.is_string()) return fail(ErrorKind::kBadInput, "a key is no string");
  return value.get<std::string>();
}

// The member, if no other key could be meant.
Result<std::optional<Member>> unambiguous_member(std::string_view text, Span object,
                                                 std::string_view name) {
  std::optional<Member> found;
  for (const Member& member : members(text, object)) {
    const std::string key = TRY(decoded(part(text, member.key)));
    if (key == name) {
      found = member;
    } else if (equal_ignoring_case(key, name)) {
      return fail(ErrorKind::kBadInput, concat("key ", in_quotes(key), " differs from ",
                                               in_quotes(name), " in case only"));
    }
  }
  return found;
}

std::string key_of(std::string_view name) { return concat("\"", name, "\": "); }

// `piece` inside of new objects for each name of `names` but the first, whose key goes before.
std::string nested(std::span<const std::string_view> names, std::string_view piece) {
  std::string out(piece);
  for (std::size_t i = names.size(); i-- > 1;) out = concat("{", key_of(names[i]), out, "}");
  return out;
}

// How far a path leads.
struct Place {
  Span object;                  // the innermost object that exists
  std::optional<Member> value;  // its member for the next name; null counts as there
  std::size_t depth = 0;        // position of that name
};

Result<Place> follow(std::string_view text, std::span<const std::string_view> names) {
  Place place{.object = whole_value(text), .value = std::nullopt, .depth = 0};
  if (text.substr(place.object.begin, 1) != "{")
    return fail(ErrorKind::kBadInput, "the document is not an object");
  while (true) {
    place.value = TRY(unambiguous_member(text, place.object, names[place.depth]));
    const bool last = place.depth + 1 == names.size();
    if (!place.value || last || is_null(text, place.value->value)) return place;
    if (text[place.value->value.begin] != '{') return wrong_kind(names[place.depth], "an object");
    place.object = place.value->value;
    ++place.depth;
  }
}

// Puts `piece` at the end of the path, making what is missing.
std::string with_new(std::string_view text, const Place& place,
                     std::span<const std::string_view> names, std::string_view piece) {
  const std::span<const std::string_view> rest = names.subspan(place.depth);
  if (place.value) return with_replaced(text, place.value->value, nested(rest, piece));
  const std::string member = concat(key_of(rest.front()), nested(rest, piece));
  return with_appended(text, place.object, whole_members(text, place.object), {&member, 1});
}

bool is_there(std::string_view text, const Place& place, std::span<const std::string_view> names) {
  return place.value && place.depth + 1 == names.size() && !is_null(text, place.value->value);
}

std::span<const std::string_view> span_of(MemberPath path) { return {path.begin(), path.size()}; }

}  // namespace

std::string_view part(std::string_view text, Span span) {
  return text.substr(span.begin, span.end - span.begin);
}

std::string with_replaced(std::string_view text, Span span, std::string_view replacement) {
  return concat(text.substr(0, span.begin), replacement, text.substr(span.end));
}

Result<std::optional<Span>> find_value(std::string_view text, MemberPath path) {
  const Place place = TRY(follow(text, span_of(path)));
  if (!is_there(text, place, span_of(path))) return std::optional<Span>();
  return std::optional<Span>(place.value->value);
}

Result<std::vector<Span>> find_elements(std::string_view text, MemberPath path) {
  const std::optional<Span> list = TRY(find_value(text, path));
  if (!list) return std::vector<Span>();
  if (text[list->begin] != '[') return wrong_kind(*(path.end() - 1), "a list");
  return elements(text, *list);
}

Result<std::string> with_elements(std::string_view text, MemberPath path,
                                  std::span<const std::string> pieces) {
  if (pieces.empty()) return std::string(text);
  const std::span<const std::string_view> names = span_of(path);
  const Place place = TRY(follow(text, names));
  if (!is_there(text, place, names))
    return with_new(text, place, names, concat("[", joined(pieces, ", "), "]"));
  const Span list = place.value->value;
  if (text[list.begin] != '[') return wrong_kind(names.back(), "a list");
  return with_appended(text, list, elements(text, list), pieces);
}

Result<std::string> with_member(std::string_view text, MemberPath path, std::string_view piece) {
  const Place place = TRY(follow(text, span_of(path)));
  return with_new(text, place, span_of(path), piece);
}

std::string_view blanks_before(std::string_view text, std::size_t at) {
  const std::size_t last = text.find_last_not_of(" \t\r\n", at == 0 ? 0 : at - 1);
  return last == std::string_view::npos ? std::string_view() : text.substr(last + 1, at - last - 1);
}

std::string with_new_member(std::string_view text, Span object, const std::string& piece) {
  return with_appended(text, object, whole_members(text, object), {&piece, 1});
}

std::string without_member(std::string_view text, Span object, const Member& member) {
  const std::vector<Span> all = whole_members(text, object);
  const auto found =
      std::find(all.begin(), all.end(), Span{.begin = member.key.begin, .end = member.value.end});
  return without(text, all, static_cast<std::size_t>(found - all.begin()));
}

std::string without(std::string_view text, const std::vector<Span>& neighbours, std::size_t index) {
  if (neighbours.size() == 1) return with_replaced(text, neighbours[0], "");
  if (index == 0)
    return with_replaced(text, {.begin = neighbours[0].begin, .end = neighbours[1].begin}, "");
  return with_replaced(text, {.begin = neighbours[index - 1].end, .end = neighbours[index].end},
                       "");
}

std::vector<Span> whole_members(std::string_view text, Span object) {
  std::vector<Span> spans;
  for (const Member& member : members(text, object))
    spans.push_back({.begin = member.key.begin, .end = member.value.end});
  return spans;
}

}  // namespace gpuhook::formats
