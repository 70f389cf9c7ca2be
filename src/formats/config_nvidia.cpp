// SPDX-License-Identifier: Apache-2.0
// config.toml of the NVIDIA Container Toolkit, as far as its keys mean something here.
#include <algorithm>
#include <array>

#include "formats/config_keys.h"
#include "formats/config_toml.h"

namespace gpuhook::formats {
namespace {

Status read_compat_mode(const toml::node& node, std::string_view key, Config& config) {
  const std::string mode = TRY(string_value(node, key));
  const bool on = mode == "ldconfig" || mode == "mount" || mode == "hook";
  if (!on && mode != "disabled" && !mode.empty())
    return wrong_type(node, key, "disabled, hook, ldconfig or mount");
  config.cuda_compat = on;
  return {};
}

Status read_no_compat(const toml::node& node, std::string_view key, Config& config) {
  if (TRY(bool_value(node, key))) config.cuda_compat = false;
  return {};
}

Status read_no_groups(const toml::node& node, std::string_view key, Config& config) {
  config.add_device_groups = !TRY(bool_value(node, key));
  return {};
}

constexpr std::array kKeys{
    ConfigKey{"disable-require", read_bool<&Config::disable_require>},
    ConfigKey{"swarm-resource", read_names<&Config::swarm_resources, comma_list_value>},
    ConfigKey{"accept-nvidia-visible-devices-envvar-when-unprivileged",
              read_bool<&Config::accept_env_when_unprivileged>},
    ConfigKey{"accept-nvidia-visible-devices-as-volume-mounts",
              read_bool<&Config::accept_volume_mounts>},
    ConfigKey{"supported-driver-capabilities", read_capabilities<comma_list_value>},
    ConfigKey{"nvidia-container-cli.root", read_path<&Config::driver_root>},
    ConfigKey{"nvidia-container-cli.no-cgroups", read_bool<&Config::no_cgroups>},
    ConfigKey{"nvidia-container-cli.user", read_user},
    ConfigKey{"nvidia-container-runtime.runtimes", read_runtimes},
    ConfigKey{"nvidia-container-runtime.modes.cdi.annotation-prefixes",
              read_names<&Config::annotation_prefixes, list_value>},
    ConfigKey{"nvidia-container-runtime.modes.legacy.cuda-compat-mode", read_compat_mode},
    ConfigKey{"features.disable-cuda-compat-lib-hook", read_no_compat},
    ConfigKey{"features.no-additional-gids-for-device-nodes", read_no_groups},
    ConfigKey{"features.ignore-imex-channel-requests", read_bool<&Config::ignore_imex_channels>},
};

struct Meaningless {
  std::string_view path;
  std::string_view reason;
};

constexpr std::string_view kNoProgram = "no other program is run";
constexpr std::string_view kNoHook = "there is one way of injection, not several modes";
constexpr std::string_view kTegra = "Tegra is not supported";
constexpr std::string_view kLogging = "nothing is logged there";

constexpr std::array kMeaningless{
    Meaningless{"nvidia-container-cli.path", kNoProgram},
    Meaningless{"nvidia-container-cli.environment", kNoProgram},
    Meaningless{"nvidia-container-cli.ldconfig", kNoProgram},
    Meaningless{"nvidia-container-cli.ldcache", "directories are found without one"},
    Meaningless{"nvidia-container-cli.load-kmods", "modules are never loaded"},
    Meaningless{"nvidia-container-cli.no-pivot", kNoProgram},
    Meaningless{"nvidia-container-cli.debug", kLogging},
    Meaningless{"nvidia-container-runtime.debug", kLogging},
    Meaningless{"nvidia-container-runtime.log-level", kLogging},
    Meaningless{"nvidia-container-runtime.mode", kNoHook},
    Meaningless{"nvidia-container-runtime.modes.csv.mount-spec-path", kTegra},
    Meaningless{"nvidia-container-runtime.modes.csv.compat-container-root", kTegra},
    Meaningless{"nvidia-container-runtime.modes.cdi.default-kind", kNoHook},
    Meaningless{"nvidia-container-runtime.modes.cdi.spec-dirs", kNoHook},
    Meaningless{"nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags", kNoHook},
    Meaningless{"nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks", kNoHook},
    Meaningless{"nvidia-container-runtime-hook.path", kNoProgram},
    Meaningless{"nvidia-container-runtime-hook.skip-mode-detection", kNoHook},
    Meaningless{"nvidia-ctk.path", kNoProgram},
    Meaningless{"features.allow-cuda-compat-libs-from-container", "no file of an image is mounted"},
    Meaningless{"features.allow-ldconfig-from-container", kNoProgram},
    Meaningless{"features.allow-unknown-oci-spec-fields", "unknown fields are always kept"},
    Meaningless{"features.disable-imex-channel-creation", "channels are never created"},
};

// The node at a dotted path; null where there is none.
// Errors: kBadInput where something else stands in the place of a table.
Result<const toml::node*> node_at(const toml::table& root, std::string_view path) {
  const toml::table* table = &root;
  std::string place;
  for (;;) {
    const std::size_t dot = path.find('.');
    const toml::node* const node = table->get(path.substr(0, dot));
    if (node == nullptr || dot == std::string_view::npos) return node;
    place += concat(place.empty() ? "" : ".", path.substr(0, dot));
    table = node->as_table();
    if (table == nullptr) return wrong_type(*node, place, "a table");
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

Result<NvidiaConfig> parse_nvidia_config(std::string_view text) {
  const toml::table table = TRY(parse_toml(text));
  NvidiaConfig parsed;
  for (const ConfigKey& key : kKeys) {
    const toml::node* const node = TRY(node_at(table, key.path));
    if (node != nullptr) TRY(key.read(*node, key.path, parsed.config));
  }
  for (const Meaningless& key : kMeaningless) {
    if (TRY(node_at(table, key.path)) == nullptr) continue;
    parsed.notes.push_back({.what = std::string(key.path), .reason = std::string(key.reason)});
  }
  return parsed;
}

}  // namespace gpuhook::formats
