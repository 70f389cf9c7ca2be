// SPDX-License-Identifier: Apache-2.0
// The part of a config.json that only containers of Linux have.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/request.h"

namespace gpuhook::formats {

// Namespaces, devices and id mappings. Errors: kBadInput.
Status read_linux_part(const nlohmann::json& config, ContainerSpec& spec);

// A string; empty when there is none, or null, which Go's decoder takes for none.
// Errors: kBadInput.
Result<std::string> string_or_null_member(const nlohmann::json& object, std::string_view name);

// A list of user or group ids; empty when there is none. Errors: kBadInput.
Result<std::vector<std::uint32_t>> id_list_member(const nlohmann::json& object,
                                                  std::string_view name);

}  // namespace gpuhook::formats
