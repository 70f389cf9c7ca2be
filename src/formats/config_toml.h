// SPDX-License-Identifier: Apache-2.0
// Configuration files: our own gpu-hook.toml, and config.toml of the NVIDIA Container Toolkit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/config.h"

namespace gpuhook::formats {

inline constexpr std::size_t kMaxConfigFileBytes = std::size_t{1} << 20U;

// gpu-hook.toml. Errors: kBadInput naming the line: not TOML, an unknown key, a value of another
// type or out of range.
Result<Config> parse_config(std::string_view text);

// The same configuration as text: every key with its value.
std::string write_config(const Config& config);

struct NvidiaConfig {
  Config config;
  std::vector<Note> notes;  // keys that are set and have no meaning here
};
// Keys that the toolkit does not know either are ignored, as it does.
// Errors: kBadInput naming the line: not TOML, or a value of another type.
Result<NvidiaConfig> parse_nvidia_config(std::string_view text);

}  // namespace gpuhook::formats
