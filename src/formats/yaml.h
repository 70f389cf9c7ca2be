// SPDX-License-Identifier: Apache-2.0
// The part of YAML that says what JSON can say, read strictly.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "formats/json.h"
#include "gpuhook/result.h"

namespace gpuhook::formats {

// Exactly one document without directives, anchors, aliases and tags. Unquoted words are null,
// truth values and numbers as in YAML 1.2, and 0666 is octal as in YAML 1.1 and in Go's readers.
// What readers of YAML take for different things is an error that asks for quotes: yes, 0b1, 1_000.
//
// Errors: kBadInput, with the line; also when larger than a limit or with a key twice in one
// mapping.
Result<nlohmann::json> parse_yaml(std::string_view text, const JsonLimits& limits);

// Block style, members in their order. Texts that some reader would take for something else are in
// quotes.
//
// Errors: kBadInput when a text is not UTF-8.
Result<std::string> write_yaml(const nlohmann::ordered_json& document);

}  // namespace gpuhook::formats
