// SPDX-License-Identifier: Apache-2.0
// podman, and whatever else reads containers.conf.
#include "base/text.h"
#include "base/try.h"
#include "engines/plans.h"

namespace gpuhook::engines {
namespace {

constexpr std::string_view kDropIn = "/etc/containers/containers.conf.d/99-gpu-hook.conf";

TomlWish wish_for(const EngineSetup& setup) {
  TomlWish wish;
  if (setup.set_default)
    wish.keys.push_back(
        {.table = {"engine"}, .key = "runtime", .value = toml_quoted(kRuntimeName)});
  wish.keys.push_back({.table = {"engine", "runtimes"},
                       .key = std::string(kRuntimeName),
                       .value = concat("[", toml_quoted(setup.runtime.text()), "]")});
  return wish;
}

}  // namespace

Result<EngineChanges> plan_podman(const EngineSetup& setup, const ReadFile& read) {
  EngineChanges changes;
  changes.restart = "no restart needed: podman reads its configuration at each call";
  std::optional<MakeWish> wish;
  if (!setup.remove) {
    wish = [&](const toml::table& /*document*/) -> Result<TomlWish> { return wish_for(setup); };
  }
  const HostPath file = setup.file.value_or(HostPath::literal(kDropIn));
  changes.files.push_back(TRY(edited_toml_file({.path = file, .preamble = ""}, read, wish)));
  if (setup.cdi && !setup.remove) {
    changes.remarks.emplace_back(
        "podman accepts CDI device names without a setting; they come from: "
        "gpu-hook cdi generate --output /etc/cdi/nvidia.json");
  }
  return changes;
}

}  // namespace gpuhook::engines
