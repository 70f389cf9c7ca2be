// SPDX-License-Identifier: Apache-2.0
// Edits of JSON texts that keep every other byte. All take the text of a well-formed document and
// spans of values in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/json_text.h"

namespace gpuhook::engines {

std::string with_replaced(std::string_view text, formats::Span span, std::string_view replacement);

std::string_view part(std::string_view text, formats::Span span);

// The blanks before a value: what a new neighbour should begin with.
std::string_view blanks_before(std::string_view text, std::size_t at);

// The text with a piece as last thing of an object or array, in the style of the things before it.
std::string with_member(std::string_view text, formats::Span object, std::string_view piece);
std::string with_element(std::string_view text, formats::Span array, std::string_view piece);

// The text without one of several neighbours, its comma and its blanks.
std::string without(std::string_view text, const std::vector<formats::Span>& neighbours,
                    std::size_t index);
std::string without_member(std::string_view text, formats::Span object,
                           const formats::Member& member);

}  // namespace gpuhook::engines
