// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace gpuhook::formats {

// Whether the text is well-formed UTF-8: no surrogates, nothing longer than needed, nothing beyond
// U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace gpuhook::formats
