// SPDX-License-Identifier: Apache-2.0
// gpu-hook.toml: the table of its keys, read and written.
#include "formats/config_toml.h"

#include <algorithm>
#include <array>
#include <set>

#include "formats/config_keys.h"

namespace gpuhook::formats {
namespace {

constexpr std::int64_t kMinDeadline = 100;
constexpr std::int64_t kMaxDeadline = 8000;  // the whole program ends after ten seconds

Status read_ask(const toml::node& node, std::string_view key, Config& config) {
  config.questions.allowed = TRY(bool_value(node, key));
  return {};
}

Status read_deadline(const toml::node& node, std::string_view key, Config& config) {
  const auto value = node.value_exact<std::int64_t>();
  if (!value || *value < kMinDeadline || *value > kMaxDeadline) {
    return wrong_type(node, key,
                      concat("a number of milliseconds from ", kMinDeadline, " to ", kMaxDeadline));
  }
  config.questions.deadline_ms = static_cast<std::uint32_t>(*value);
  return {};
}

constexpr std::array kKeys{
    ConfigKey{"driver-root", read_path<&Config::driver_root>},
    ConfigKey{"device-root", read_path<&Config::device_root>},
    ConfigKey{"no-cgroups", read_bool<&Config::no_cgroups>},
    ConfigKey{"disable-require", read_bool<&Config::disable_require>},
    ConfigKey{"supported-driver-capabilities", read_capabilities<list_value>},
    ConfigKey{"cuda-compat", read_bool<&Config::cuda_compat>},
    ConfigKey{"leave-out", read_set<&Config::leave_out, parse_omission, list_value>},
    ConfigKey{"requests.accept-env-when-unprivileged",
              read_bool<&Config::accept_env_when_unprivileged>},
    ConfigKey{"requests.accept-volume-mounts", read_bool<&Config::accept_volume_mounts>},
    ConfigKey{"requests.features-when-unprivileged",
              read_set<&Config::features_when_unprivileged, parse_feature, list_value>},
    ConfigKey{"requests.ignore-imex-channels", read_bool<&Config::ignore_imex_channels>},
    ConfigKey{"requests.swarm-resources", read_names<&Config::swarm_resources, list_value>},
    ConfigKey{"requests.annotation-prefixes", read_names<&Config::annotation_prefixes, list_value>},
    ConfigKey{"requests.accept-annotations", read_bool<&Config::accept_annotations>},
    ConfigKey{"runtime.runtimes", read_runtimes},
    ConfigKey{"runtime.add-device-groups", read_bool<&Config::add_device_groups>},
    ConfigKey{"driver-library.ask", read_ask},
    ConfigKey{"driver-library.deadline-ms", read_deadline},
    ConfigKey{"driver-library.user", read_user},
};

bool is_table_of_keys(std::string_view path) {
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [&](const ConfigKey& key) { return key.path.starts_with(concat(path, ".")); });
}

std::string known_keys() {
  std::string names;
  for (const ConfigKey& key : kKeys) names += concat(names.empty() ? "" : ", ", key.path);
  return names;
}

Status read_table(const toml::table& table, const std::string& prefix, Config& config) {
  for (const auto& [name, node] : table) {
    const std::string path = concat(prefix, name.str());
    // A quoted key can have dots in it; it is the key of no table.
    const bool plain = name.str().find('.') == std::string_view::npos;
    const auto known = std::find_if(kKeys.begin(), kKeys.end(),
                                    [&path](const ConfigKey& key) { return key.path == path; });
    if (plain && known != kKeys.end()) {
      TRY(known->read(node, path, config));
    } else if (plain && is_table_of_keys(path)) {
      if (!node.is_table()) return wrong_type(node, path, "a table");
      TRY(read_table(*node.as_table(), path + ".", config));
    } else {
      return fail(ErrorKind::kBadInput,
                  concat("line ", name.source().begin.line, ": unknown key ", in_quotes(path)),
                  concat("known keys: ", known_keys()));
    }
  }
  return {};
}

// --- writing ---

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += concat("\\", std::string(1, c));
    } else if (byte < 0x20 || byte == 0x7f) {
      out += concat("\\u", hex(byte, 4));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string list_text(std::span<const std::string_view> items) {
  std::string out;
  for (const std::string_view item : items) {
    if (!item.empty()) out += concat(out.empty() ? "" : ", ", quoted(item));
  }
  return concat("[", out, "]");
}

template <class Member>
std::string list_text(SetOf<Member> set) {
  const std::string names = set.text();
  return list_text(split(names, ','));
}

std::vector<std::string_view> names_of(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

std::string path_text(const std::optional<HostPath>& path) {
  return quoted(path ? path->text() : "");
}

std::string truth_text(bool value) { return value ? "true" : "false"; }

}  // namespace

Result<Config> parse_config(std::string_view text) {
  const toml::table table = TRY(parse_toml(text));
  Config config;
  TRY(read_table(table, "", config));
  return config;
}

std::string write_config(const Config& config) {
  return concat("driver-root = ", path_text(config.driver_root),
                "\ndevice-root = ", path_text(config.device_root),
                "\nno-cgroups = ", truth_text(config.no_cgroups),
                "\ndisable-require = ", truth_text(config.disable_require),
                "\nsupported-driver-capabilities = ", list_text(config.supported_capabilities),
                "\ncuda-compat = ", truth_text(config.cuda_compat),
                "\nleave-out = ", list_text(config.leave_out),
                "\n\n[requests]\naccept-env-when-unprivileged = ",
                truth_text(config.accept_env_when_unprivileged),
                "\naccept-volume-mounts = ", truth_text(config.accept_volume_mounts),
                "\nfeatures-when-unprivileged = ", list_text(config.features_when_unprivileged),
                "\nignore-imex-channels = ", truth_text(config.ignore_imex_channels),
                "\nswarm-resources = ", list_text(names_of(config.swarm_resources)),
                "\nannotation-prefixes = ", list_text(names_of(config.annotation_prefixes)),
                "\naccept-annotations = ", truth_text(config.accept_annotations),
                "\n\n[runtime]\nruntimes = ", list_text(names_of(config.runtimes)),
                "\nadd-device-groups = ", truth_text(config.add_device_groups),
                "\n\n[driver-library]\nask = ", truth_text(config.questions.allowed),
                "\ndeadline-ms = ", config.questions.deadline_ms,
                "\nuser = ", quoted(config.questions.user), "\n");
}

}  // namespace gpuhook::formats
