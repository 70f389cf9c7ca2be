// SPDX-License-Identifier: Apache-2.0
// The NVIDIA_* contract: from the variables and mounts of a container to a Request.
#include "gpuhook/request.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "base/try.h"
#include "request/device_mounts.h"
#include "request/spec_facts.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxTokens = 1024;  // twice the MIG devices of 64 GPUs
constexpr std::size_t kMaxValueBytes = 65536;
constexpr std::uint32_t kMaxImexChannel = (1U << 20U) - 1;

constexpr std::string_view kDevicesName = "NVIDIA_VISIBLE_DEVICES";
constexpr std::string_view kImexName = "NVIDIA_IMEX_CHANNELS";

using Environment = std::map<std::string, std::string, std::less<>>;
using Names = std::vector<std::string_view>;
using Devices = std::vector<DeviceSelector>;

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// The variables of the contract. The last of several equal names wins, as it does in the
// container's own environment.
Environment relevant_variables(const std::vector<std::string>& env, const Config& config) {
  Environment variables;
  for (const std::string& entry : env) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view name = std::string_view(entry).substr(0, equals);
    if (name.starts_with("NVIDIA_") || name == "CUDA_VERSION" ||
        contains(config.swarm_resources, name)) {
      variables.insert_or_assign(std::string(name), entry.substr(equals + 1));
    }
  }
  return variables;
}

const std::string* find(const Environment& variables, std::string_view name) {
  const auto found = variables.find(name);
  return found == variables.end() ? nullptr : &found->second;
}

bool is_set(const Environment& variables, std::string_view name) {
  const std::string* const value = find(variables, name);
  return value != nullptr && !value->empty();
}

// CUDA images from before NVIDIA_VISIBLE_DEVICES existed say what they are by CUDA_VERSION alone.
bool is_legacy_image(const Environment& variables) {
  return is_set(variables, "CUDA_VERSION") && !is_set(variables, "NVIDIA_REQUIRE_CUDA");
}

bool is_privileged(const ContainerSpec& spec) { return contains(spec.bounding, "CAP_SYS_ADMIN"); }

Result<Names> tokens(std::string_view name, std::string_view value) {
  if (value.size() > kMaxValueBytes)
    return fail(ErrorKind::kBadInput, concat(name, " has more than ", kMaxValueBytes, " bytes"));
  Names found;
  for (const std::string_view piece : split(value, ',')) {
    if (!trimmed(piece).empty()) found.push_back(trimmed(piece));
  }
  if (found.size() > kMaxTokens)
    return fail(ErrorKind::kBadInput, concat(name, " names more than ", kMaxTokens, " things"));
  return found;
}

// Nothing: not a GPU container. An empty list: driver files without a GPU.
Result<std::optional<Devices>> devices_named(const Names& names) {
  const auto position = [&names](std::string_view word) {
    return std::find(names.begin(), names.end(), word);
  };
  if (names.empty() || position("void") != names.end()) return std::optional<Devices>();
  // The first of "all" and "none" decides, whatever else is listed.
  if (position("none") < position("all")) return std::optional<Devices>(Devices{});
  if (position("all") != names.end()) return std::optional<Devices>(Devices{AllDevices{}});
  Devices devices;
  for (const std::string_view name : names) {
    DeviceSelector device = TRY(parse_selector(name));
    if (std::find(devices.begin(), devices.end(), device) == devices.end())
      devices.push_back(std::move(device));
  }
  return std::optional<Devices>(std::move(devices));
}

// What names the devices, with the name of the variable for messages.
struct DeviceValue {
  std::string name;
  std::string value;
};

// The swarm resources together if one is set, else NVIDIA_VISIBLE_DEVICES.
std::optional<DeviceValue> device_value(const Environment& variables, const Config& config) {
  std::optional<DeviceValue> of_swarm;
  for (const std::string& name : config.swarm_resources) {
    const std::string* const value = find(variables, name);
    if (value == nullptr) continue;
    of_swarm = of_swarm ? DeviceValue{concat(of_swarm->name, ",", name),
                                      concat(of_swarm->value, ",", *value)}
                        : DeviceValue{name, *value};
  }
  if (of_swarm) return of_swarm;
  const std::string* const value = find(variables, kDevicesName);
  if (value == nullptr) return std::nullopt;
  return DeviceValue{std::string(kDevicesName), *value};
}

// What device plugins of Kubernetes set when mounts carry the request.
tl::unexpected<Error> mounts_expected(const DeviceValue& asked, const Config& config) {
  const bool accepted = config.accept_volume_mounts;
  return fail(ErrorKind::kBadInput,
              concat(asked.name, " refers to mounts below ", in_quotes(trimmed(asked.value)),
                     accepted ? ", and there are none" : ", which are not accepted on this host"),
              accepted ? "mount /dev/null below it for each device, or name devices in the variable"
                       : "set accept-volume-mounts = true in gpu-hook.toml, or have the device "
                         "plugin use another device list strategy");
}

// Whether variables ask for anything that policy could deny.
bool asks_for_something(const Environment& variables, const Config& config) {
  const std::optional<DeviceValue> asked = device_value(variables, config);
  if (!asked) return is_legacy_image(variables);
  const Result<Names> names = tokens(asked->name, asked->value);
  return !names ||
         (!names->empty() && std::find(names->begin(), names->end(), "void") == names->end());
}

Result<std::optional<Devices>> devices_of_environment(const Environment& variables,
                                                      const Config& config) {
  const std::optional<DeviceValue> asked = device_value(variables, config);
  if (!asked) {
    return is_legacy_image(variables) ? std::optional<Devices>(Devices{AllDevices{}})
                                      : std::nullopt;
  }
  const Names names = TRY(tokens(asked->name, asked->value));
  if (names.size() == 1 && names[0] == request::kDeviceMountDirectory)
    return mounts_expected(*asked, config);
  return doing(concat("reading ", asked->name), devices_named(names));
}

Result<CapabilitySet> requested_capabilities(const Environment& variables,
                                             const CapabilitySet& supported) {
  constexpr std::string_view kName = "NVIDIA_DRIVER_CAPABILITIES";
  const std::string* const value = find(variables, kName);
  if (value == nullptr && is_legacy_image(variables)) return supported;
  CapabilitySet asked;
  for (const std::string_view name :
       TRY(tokens(kName, value == nullptr ? std::string_view() : *value))) {
    if (name == "all") {
      asked.insert(supported);
      continue;
    }
    const Capability capability = TRY(doing(concat("reading ", kName), parse_capability(name)));
    if (!supported.contains(capability)) {
      return fail(ErrorKind::kRefused,
                  concat("driver capability ", in_quotes(name), " is disabled on this host"),
                  concat("allowed: ", supported.text()));
    }
    asked.insert(capability);
  }
  if (!asked.empty()) return asked;
  CapabilitySet usual;
  for (const Capability capability : {Capability::kCompute, Capability::kUtility}) {
    if (supported.contains(capability)) usual.insert(capability);
  }
  return usual;
}

bool asks_for_everything(const Environment& variables) {
  const std::string* const value = find(variables, "NVIDIA_DRIVER_CAPABILITIES");
  if (value == nullptr) return is_legacy_image(variables);
  const std::vector<std::string_view> names = split(*value, ',');
  return std::any_of(names.begin(), names.end(),
                     [](std::string_view name) { return trimmed(name) == "all"; });
}

// Go's strconv.ParseBool, which the contract is defined by.
bool is_true(std::string_view value) {
  return value == "1" || value == "t" || value == "T" || value == "true" || value == "TRUE" ||
         value == "True";
}

// "11.4" or "11.4.2" of a legacy image as a requirement.
Result<std::string> legacy_requirement(std::string_view cuda_version) {
  const Result<DriverVersion> version = DriverVersion::parse(cuda_version);
  if (!version)
    return fail(ErrorKind::kBadInput,
                concat("CUDA_VERSION is not a version: ", in_quotes(cuda_version)));
  return concat("cuda>=", version->components()[0], ".", version->components()[1]);
}

Result<std::vector<std::string>> requested_requirements(const Environment& variables,
                                                        const Config& config) {
  std::vector<std::string> requirements;
  const std::string* const disable = find(variables, "NVIDIA_DISABLE_REQUIRE");
  if (config.disable_require || (disable != nullptr && is_true(*disable))) return requirements;
  for (const auto& [name, value] : variables) {
    // JETPACK values select files on Tegra; they are not conditions.
    if (name.starts_with("NVIDIA_REQUIRE_") && !name.starts_with("NVIDIA_REQUIRE_JETPACK") &&
        !trimmed(value).empty()) {
      requirements.push_back(value);
    }
  }
  if (is_legacy_image(variables))
    requirements.push_back(TRY(legacy_requirement(*find(variables, "CUDA_VERSION"))));
  return requirements;
}

// The right to change or watch MIG devices is a right over the host's GPUs, and over other
// containers: who has no CAP_SYS_ADMIN is told no instead of being started without.
Result<bool> requested_mig_right(const Environment& variables, std::string_view name,
                                 bool privileged) {
  if (!is_set(variables, name)) return false;
  if (!privileged) {
    return fail(ErrorKind::kRefused, concat(name, " is set in a container without CAP_SYS_ADMIN"),
                "run the container privileged, or unset the variable");
  }
  const std::string& value = *find(variables, name);
  if (trimmed(value) == "all") return true;
  return fail(ErrorKind::kBadInput, concat(name, " is ", in_quotes(value)), "only all is possible");
}

// What a decision is made from, and the decision while it is made.
struct Deciding {
  const Config& config;
  Environment variables;
  request::DeviceMounts mounts;
  request::AnnotatedDevices annotated;
  bool privileged = false;
  std::vector<Note> notes;

  [[nodiscard]] bool may_have(Feature feature) const {
    return privileged || config.features_when_unprivileged.contains(feature);
  }
  void ignored(std::string_view name, Feature feature) {
    notes.push_back({.what = std::string(name),
                     .reason = concat("ignored: the container has no CAP_SYS_ADMIN, and ",
                                      in_quotes(name_of(feature)),
                                      " is not among features-when-unprivileged")});
  }
};

// Whether the variables name devices, none or void: more than images say by default.
bool names_devices(const Environment& variables, const Config& config) {
  const std::optional<DeviceValue> asked = device_value(variables, config);
  if (!asked) return false;
  const Result<Names> names = tokens(asked->name, asked->value);
  return !names || *names != Names{"all"};
}

// Nothing where annotations decide nothing.
Result<std::optional<Devices>> annotated_devices(Deciding& deciding) {
  const Names names(deciding.annotated.names.begin(), deciding.annotated.names.end());
  if (names.empty()) return std::optional<Devices>();
  const Config& config = deciding.config;
  if (!deciding.privileged && !config.accept_env_when_unprivileged && !config.accept_annotations) {
    deciding.notes.push_back({.what = "annotations",
                              .reason = "ignored: the container has no CAP_SYS_ADMIN, and "
                                        "accept-env-when-unprivileged and accept-annotations are "
                                        "false"});
    return std::optional<Devices>();
  }
  if (names_devices(deciding.variables, config)) return std::optional<Devices>();
  if (names.size() > kMaxTokens)
    return fail(ErrorKind::kBadInput,
                concat("annotations name more than ", kMaxTokens, " devices"));
  return doing("reading the annotations", devices_named(names));
}

Result<std::optional<Devices>> requested_devices(Deciding& deciding) {
  const Names mounted(deciding.mounts.devices.begin(), deciding.mounts.devices.end());
  if (mounted.size() > kMaxTokens)
    return fail(ErrorKind::kBadInput, concat("mounts name more than ", kMaxTokens, " devices"));
  if (!mounted.empty()) return doing("reading the device mounts", devices_named(mounted));
  std::optional<Devices> annotated = TRY(annotated_devices(deciding));
  if (annotated) return annotated;
  if (deciding.privileged || deciding.config.accept_env_when_unprivileged)
    return devices_of_environment(deciding.variables, deciding.config);
  if (asks_for_something(deciding.variables, deciding.config)) {
    const auto asked = device_value(deciding.variables, deciding.config);
    deciding.notes.push_back({.what = asked ? asked->name : "CUDA_VERSION",
                              .reason = "ignored: the container has no CAP_SYS_ADMIN, and "
                                        "accept-env-when-unprivileged is false"});
  }
  return std::optional<Devices>();
}

Result<std::vector<std::uint32_t>> requested_channels(Deciding& deciding) {
  Names names(deciding.mounts.imex_channels.begin(), deciding.mounts.imex_channels.end());
  if (names.empty() && is_set(deciding.variables, kImexName)) {
    names = TRY(tokens(kImexName, *find(deciding.variables, kImexName)));
    const auto says = [&names](std::string_view word) {
      return std::find(names.begin(), names.end(), word) != names.end();
    };
    // "all" is what images say that have no idea of the domain they will run in.
    if (says("void") || says("none") || (names.size() == 1 && says("all"))) names.clear();
    if (!names.empty() && !deciding.may_have(Feature::kImex)) {
      deciding.ignored(kImexName, Feature::kImex);
      names.clear();
    }
  }
  if (!names.empty() && deciding.config.ignore_imex_channels) {
    deciding.notes.push_back(
        {.what = std::string(kImexName), .reason = "ignored: ignore-imex-channels is true"});
    names.clear();
  }
  std::vector<std::uint32_t> channels;
  for (const std::string_view name : names) channels.push_back(TRY(parse_imex_channel(name)));
  std::sort(channels.begin(), channels.end());
  channels.erase(std::unique(channels.begin(), channels.end()), channels.end());
  return channels;
}

FeatureSet requested_features(Deciding& deciding) {
  struct Switch {
    std::string_view name;
    Feature feature;
  };
  constexpr std::array kSwitches{
      Switch{"NVIDIA_GDS", Feature::kGds}, Switch{"NVIDIA_GDRCOPY", Feature::kGdrcopy},
      Switch{"NVIDIA_MOFED", Feature::kMofed}, Switch{"NVIDIA_NVSWITCH", Feature::kNvswitch}};
  FeatureSet features;
  for (const auto& [name, feature] : kSwitches) {
    const std::string* const value = find(deciding.variables, name);
    if (value == nullptr || *value != "enabled") continue;
    if (deciding.may_have(feature)) {
      features.insert(feature);
    } else {
      deciding.ignored(name, feature);
    }
  }
  return features;
}

Result<std::optional<Request>> decided(Deciding& deciding) {
  std::optional<Devices> devices = TRY(requested_devices(deciding));
  if (!devices) return std::optional<Request>();
  const Environment& variables = deciding.variables;
  Request request;
  request.devices = std::move(*devices);
  request.capabilities =
      TRY(requested_capabilities(variables, deciding.config.supported_capabilities));
  request.everything = asks_for_everything(variables);
  request.requirements = TRY(requested_requirements(variables, deciding.config));
  request.mig_config =
      TRY(requested_mig_right(variables, "NVIDIA_MIG_CONFIG_DEVICES", deciding.privileged));
  request.mig_monitor =
      TRY(requested_mig_right(variables, "NVIDIA_MIG_MONITOR_DEVICES", deciding.privileged));
  request.imex_channels = TRY(requested_channels(deciding));
  request.features = requested_features(deciding);
  return std::optional<Request>(std::move(request));
}

}  // namespace

Result<std::uint32_t> parse_imex_channel(std::string_view text) {
  const auto channel = number<std::uint32_t>(text);
  if (channel && *channel <= kMaxImexChannel) return *channel;
  return fail(ErrorKind::kBadInput, concat("not an IMEX channel: ", in_quotes(text)),
              concat("use a number from 0 to ", kMaxImexChannel));
}

Result<RequestDecision> decide_request(const ContainerSpec& spec, const Config& config,
                                       Decider decider) {
  const bool editor = decider == Decider::kSpecEditor;
  if (editor ? request::has_driver(spec) : earlier_edit(spec).has_value()) return RequestDecision{};
  Deciding deciding{.config = config,
                    .variables = relevant_variables(spec.env, config),
                    .mounts = {},
                    .annotated = {},
                    .privileged = is_privileged(spec),
                    .notes = {}};
  if (config.accept_volume_mounts) deciding.mounts = request::device_mounts(spec.mounts);
  if (!config.accept_volume_mounts && request::device_mounts(spec.mounts) != deciding.mounts) {
    deciding.notes.push_back({.what = concat("mounts below ", request::kDeviceMountDirectory),
                              .reason = "ignored: accept-volume-mounts is false"});
  }
  if (editor) {
    deciding.annotated = request::annotated_devices(spec.annotations, config.annotation_prefixes);
    deciding.notes.insert(deciding.notes.end(), deciding.annotated.others.begin(),
                          deciding.annotated.others.end());
  }
  RequestDecision decision;
  decision.request = TRY(decided(deciding));
  decision.notes = std::move(deciding.notes);
  return decision;
}

bool may_concern_us(const ContainerSpec& spec, Decider decider) {
  const auto names_us = [](const std::string& entry) {
    return entry.starts_with("NVIDIA_") || entry.starts_with("CUDA_VERSION=") ||
           entry.starts_with("DOCKER_RESOURCE_");
  };
  const auto is_annotation = [](const Annotation& annotation) {
    return annotation.value.find("nvidia.com/gpu") != std::string::npos;
  };
  return std::any_of(spec.env.begin(), spec.env.end(), names_us) ||
         (decider == Decider::kSpecEditor &&
          std::any_of(spec.annotations.begin(), spec.annotations.end(), is_annotation)) ||
         request::device_mounts(spec.mounts) != request::DeviceMounts();
}

}  // namespace gpuhook
