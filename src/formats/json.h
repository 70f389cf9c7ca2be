// SPDX-License-Identifier: Apache-2.0
// JSON from outside, read strictly: what two parsers could understand differently is refused.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/result.h"

namespace gpuhook::formats {

struct JsonLimits {
  std::size_t bytes = 0;
  std::size_t depth = 64;          // nesting of objects and arrays
  std::size_t values = 1'000'000;  // scalars, objects and arrays together
};

// Errors: kBadInput when larger than a limit, not UTF-8, not one complete JSON value, or with a key
// twice in one object.
Result<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits);

// Typed access to the members of an object. A missing member is nothing (or empty); a member of
// another type, or a second member whose name differs in case only (Go's decoder folds case), is
// kBadInput.
Result<const nlohmann::json*> member(const nlohmann::json& object, std::string_view name);
Result<std::optional<std::string>> string_member(const nlohmann::json& object,
                                                 std::string_view name);
Result<std::optional<std::int64_t>> integer_member(const nlohmann::json& object,
                                                   std::string_view name);
Result<std::vector<std::string>> string_list_member(const nlohmann::json& object,
                                                    std::string_view name);

}  // namespace gpuhook::formats
