// SPDX-License-Identifier: Apache-2.0
// What an unquoted word of a YAML document is.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace gpuhook::formats {

// A text, number, truth value or null; nothing for a word that readers take for different things.
std::optional<nlohmann::json> plain_scalar(std::string_view word);

// Whether every reader takes the unquoted word for a text.
bool is_plain_text(std::string_view word);

}  // namespace gpuhook::formats
