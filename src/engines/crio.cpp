// SPDX-License-Identifier: Apache-2.0
// CRI-O: a drop-in file, or the main file where that is named.
#include <array>

#include "base/text.h"
#include "base/try.h"
#include "engines/plans.h"

namespace gpuhook::engines {
namespace {

constexpr std::string_view kDropIn = "/etc/crio/crio.conf.d/99-gpu-hook.conf";
// Written by NVIDIA's toolkit. CRI-O reads the directory in the order of names.
constexpr std::string_view kLaterFile = "/etc/crio/crio.conf.d/99-nvidia.toml";

// How a container is watched does not depend on whether it has a GPU.
void copy_monitor(const toml::table& document, const TomlPath& runtimes, TomlTable& table) {
  const std::string name = string_at(document, TomlPath{"crio", "runtime"} / "default_runtime");
  for (const std::string_view key :
       {"monitor_path", "monitor_cgroup", "monitor_env", "allowed_annotations"}) {
    const toml::node* const node =
        node_at(document, runtimes / (name.empty() ? std::string_view("runc") : name) / key);
    const auto value = node == nullptr ? std::nullopt : toml_value(*node);
    if (value) table.entries.emplace_back(key, *value);
  }
}

TomlWish wish_for(const EngineSetup& setup, const toml::table& document) {
  const TomlPath runtime{"crio", "runtime"};
  TomlTable table{.path = runtime / "runtimes" / kRuntimeName,
                  .entries = {{"runtime_path", toml_quoted(setup.runtime.text())},
                              {"runtime_type", toml_quoted("oci")}},
                  .child = std::nullopt};
  copy_monitor(document, runtime / "runtimes", table);
  TomlWish wish{.keys = {}, .tables = {std::move(table)}};
  if (setup.set_default) {
    wish.keys.push_back(
        {.table = runtime, .key = "default_runtime", .value = toml_quoted(kRuntimeName)});
  }
  return wish;
}

}  // namespace

Result<EngineChanges> plan_crio(const EngineSetup& setup, const ReadFile& read) {
  EngineChanges changes;
  changes.restart = "restart crio for this to take effect: systemctl restart crio";
  std::optional<MakeWish> wish;
  if (!setup.remove) {
    wish = [&](const toml::table& document) -> Result<TomlWish> {
      return wish_for(setup, document);
    };
  }
  const HostPath file = setup.file.value_or(HostPath::literal(kDropIn));
  changes.files.push_back(TRY(edited_toml_file({.path = file, .preamble = ""}, read, wish)));
  if (setup.cdi && !setup.remove)
    changes.remarks.emplace_back("CRI-O accepts CDI device names without a setting");
  if (!setup.remove && TRY(read(HostPath::literal(kLaterFile)))) {
    changes.remarks.push_back(
        concat(kLaterFile, " is read later, and what it says of the runtime counts: move it away"));
  }
  return changes;
}

}  // namespace gpuhook::engines
