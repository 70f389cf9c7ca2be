// SPDX-License-Identifier: Apache-2.0
// Edits of a JSON document's text that leave every byte alone which they do not have to change.
//
// All of these take the text of a well-formed document whose top is an object (parse_json accepted
// it). Pieces are JSON texts.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "formats/json_text.h"
#include "gpuhook/result.h"

namespace gpuhook::formats {

// Names of members from the top of the document downwards.
using MemberPath = std::initializer_list<std::string_view>;

std::string_view part(std::string_view text, Span span);
std::string with_replaced(std::string_view text, Span span, std::string_view replacement);

// The value at `path`; nothing when a member on the way is missing or null.
// Errors: kBadInput when something on the way is no object, or when it has a key that differs from
// the wanted one in letter case only, for which Go's decoder takes it.
Result<std::optional<Span>> find_value(std::string_view text, MemberPath path);

// The elements of the list at `path`; none when it is missing or null. Errors: kBadInput, also when
// it is no list.
Result<std::vector<Span>> find_elements(std::string_view text, MemberPath path);

// Appends to the list at `path`, which is made where it is missing or null, and the objects above
// it likewise. Errors as above.
Result<std::string> with_elements(std::string_view text, MemberPath path,
                                  std::span<const std::string> pieces);

// Adds the member that `path` names, or gives it another value. Errors as above.
Result<std::string> with_member(std::string_view text, MemberPath path, std::string_view piece);

// Adds a piece, key and value, as last member of an object, in the style of those before it.
std::string with_new_member(std::string_view text, Span object, const std::string& piece);
// Takes out a member of the object.
std::string without_member(std::string_view text, Span object, const Member& member);

// The text without one of several neighbours (elements of a list, or whole members of an object),
// its comma and its blanks.
std::string without(std::string_view text, const std::vector<Span>& neighbours, std::size_t index);

// The blanks before a value: what a new neighbour should begin with.
std::string_view blanks_before(std::string_view text, std::size_t at);

// The members of an object, each from its key to the end of its value.
std::vector<Span> whole_members(std::string_view text, Span object);

}  // namespace gpuhook::formats
