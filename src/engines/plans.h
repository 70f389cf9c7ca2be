// SPDX-License-Identifier: Apache-2.0
// What each engine needs, and what they share. `read` is called for every file that matters.
#pragma once

#include <string>
#include <string_view>

#include "engines/toml_text.h"
#include "gpuhook/engines.h"

namespace gpuhook::engines {

// The name under which containers ask for the runtime, in every engine.
inline constexpr std::string_view kRuntimeName = "nvidia";

Result<EngineChanges> plan_docker(const EngineSetup& setup, const ReadFile& read);
Result<EngineChanges> plan_containerd(const EngineSetup& setup, const ReadFile& read);
Result<EngineChanges> plan_crio(const EngineSetup& setup, const ReadFile& read);
Result<EngineChanges> plan_podman(const EngineSetup& setup, const ReadFile& read);
Result<EngineChanges> plan_k3s(const EngineSetup& setup, const ReadFile& read);  // and RKE2
// The hooks.d file that CRI-O and podman share.
Result<EngineChanges> plan_hook_file(const EngineSetup& setup, const ReadFile& read);

inline TomlPath operator/(TomlPath path, std::string_view name) {
  path.emplace_back(name);
  return path;
}

}  // namespace gpuhook::engines
