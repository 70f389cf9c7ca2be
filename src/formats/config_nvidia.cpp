// SPDX-License-Identifier: Apache-2.0
// config.toml of the NVIDIA Container Toolkit, as far as its keys mean something here.
#include <algorithm>
#include <array>

#include "formats/config_keys.h"
#include "formats/config_toml.h"

namespace gpuhook::formats {
namespace {

// The toolkit writes lists as texts with commas.
Result<std::vector<std::string>> comma_list(const toml::node& node, std::string_view key) {
  const std::string text = TRY(string_value(node, key));
  std::vector<std::string> items;
  for (const std::string_view item : split(text, ',')) {
    if (!trimmed(item).empty()) items.emplace_back(trimmed(item));
  }
  return items;
}

Status read_disable_require(const toml::node& node, std::string_view key, Config& config) {
  config.disable_require = TRY(bool_value(node, key));
  return {};
}
Status read_swarm(const toml::node& node, std::string_view key, Config& config) {
  config.swarm_resources = TRY(comma_list(node, key));
  return {};
}
Status read_accept_env(const toml::node& node, std::string_view key, Config& config) {
  config.accept_env_when_unprivileged = TRY(bool_value(node, key));
  return {};
}
Status read_accept_mounts(const toml::node& node, std::string_view key, Config& config) {
  config.accept_volume_mounts = TRY(bool_value(node, key));
  return {};
}
Status read_capabilities(const toml::node& node, std::string_view key, Config& config) {
  const std::vector<std::string> names = TRY(comma_list(node, key));
  config.supported_capabilities = TRY(set_value<Capability>(node, names, parse_capability));
  return {};
}
Status read_root(const toml::node& node, std::string_view key, Config& config) {
  config.driver_root = TRY(path_value(node, key));
  return {};
}
Status read_no_cgroups(const toml::node& node, std::string_view key, Config& config) {
  config.no_cgroups = TRY(bool_value(node, key));
  return {};
}
Status read_user(const toml::node& node, std::string_view key, Config& config) {
  config.questions.user = TRY(string_value(node, key));
  return {};
}
Status read_compat_mode(const toml::node& node, std::string_view key, Config& config) {
  if (TRY(string_value(node, key)) == "disabled") config.cuda_compat = false;
  return {};
}
Status read_no_compat(const toml::node& node, std::string_view key, Config& config) {
  if (TRY(bool_value(node, key))) config.cuda_compat = false;
  return {};
}

constexpr std::array kKeys{
    ConfigKey{"disable-require", read_disable_require},
    ConfigKey{"swarm-resource", read_swarm},
    ConfigKey{"accept-nvidia-visible-devices-envvar-when-unprivileged", read_accept_env},
    ConfigKey{"accept-nvidia-visible-devices-as-volume-mounts", read_accept_mounts},
    ConfigKey{"supported-driver-capabilities", read_capabilities},
    ConfigKey{"nvidia-container-cli.root", read_root},
    ConfigKey{"nvidia-container-cli.no-cgroups", read_no_cgroups},
    ConfigKey{"nvidia-container-cli.user", read_user},
    ConfigKey{"nvidia-container-runtime.modes.legacy.cuda-compat-mode", read_compat_mode},
    ConfigKey{"features.disable-cuda-compat-lib-hook", read_no_compat},
};

struct Meaningless {
  std::string_view path;
  std::string_view reason;
};

constexpr std::string_view kNoProgram = "no other program is run";
constexpr std::string_view kNoHook = "there is one way of injection, not several modes";
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
    Meaningless{"nvidia-container-runtime-hook.path", kNoProgram},
    Meaningless{"nvidia-container-runtime-hook.skip-mode-detection", kNoHook},
    Meaningless{"nvidia-ctk.path", kNoProgram},
    Meaningless{"features.allow-cuda-compat-libs-from-container", "no file of an image is mounted"},
    Meaningless{"features.allow-ldconfig-from-container", kNoProgram},
    Meaningless{"features.disable-imex-channel-creation", "channels are never created"},
    Meaningless{
        "features.ignore-imex-channel-requests",
        "they are ignored unless features-when-unprivileged of gpu-hook.toml says otherwise"},
};

}  // namespace

Result<NvidiaConfig> parse_nvidia_config(std::string_view text) {
  const toml::table table = TRY(parse_toml(text));
  NvidiaConfig parsed;
  for (const ConfigKey& key : kKeys) {
    const toml::node* const node = table.at_path(key.path).node();
    if (node != nullptr) TRY(key.read(*node, key.path, parsed.config));
  }
  for (const Meaningless& key : kMeaningless) {
    if (table.at_path(key.path).node() == nullptr) continue;
    parsed.notes.push_back({.what = std::string(key.path), .reason = std::string(key.reason)});
  }
  return parsed;
}

}  // namespace gpuhook::formats
