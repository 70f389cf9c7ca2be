// SPDX-License-Identifier: Apache-2.0
// The NVIDIA_* environment contract: from the variables of a container to a Request.
#include "gpuhook/request.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxTokens = 256;
constexpr std::size_t kMaxValueBytes = 65536;

using Environment = std::map<std::string, std::string, std::less<>>;

// The variables of the contract. The last of several equal names wins, as it does in the
// container's own environment.
Environment relevant_variables(const std::vector<std::string>& env) {
  Environment variables;
  for (const std::string& entry : env) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view name = std::string_view(entry).substr(0, equals);
    if (name.starts_with("NVIDIA_") || name == "CUDA_VERSION") {
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

Result<std::vector<std::string_view>> tokens(std::string_view name, std::string_view value) {
  if (value.size() > kMaxValueBytes)
    return fail(ErrorKind::kBadInput, concat(name, " has more than ", kMaxValueBytes, " bytes"));
  std::vector<std::string_view> found;
  for (const std::string_view piece : split(value, ',')) {
    if (!trimmed(piece).empty()) found.push_back(trimmed(piece));
  }
  if (found.size() > kMaxTokens)
    return fail(ErrorKind::kBadInput, concat(name, " names more than ", kMaxTokens, " things"));
  return found;
}

// Nothing: not a GPU container. An empty list: driver files without a GPU.
Result<std::optional<std::vector<DeviceSelector>>> requested_devices(const Environment& variables) {
  constexpr std::string_view kName = "NVIDIA_VISIBLE_DEVICES";
  using Devices = std::vector<DeviceSelector>;
  const std::string* const value = find(variables, kName);
  if (value == nullptr) {
    return is_legacy_image(variables) ? std::optional<Devices>(Devices{AllDevices{}})
                                      : std::nullopt;
  }
  const std::vector<std::string_view> names = TRY(tokens(kName, *value));
  const auto names_one = [&names](std::string_view word) {
    return std::find(names.begin(), names.end(), word);
  };
  if (names.empty() || names_one("void") != names.end()) return std::optional<Devices>();
  // The first of "all" and "none" decides, whatever else is listed.
  if (names_one("none") < names_one("all")) return std::optional<Devices>(Devices{});
  if (names_one("all") != names.end()) return std::optional<Devices>(Devices{AllDevices{}});
  Devices devices;
  for (const std::string_view name : names) {
    DeviceSelector device = TRY(doing(concat("reading ", kName), parse_selector(name)));
    if (std::find(devices.begin(), devices.end(), device) == devices.end())
      devices.push_back(std::move(device));
  }
  return std::optional<Devices>(std::move(devices));
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

bool is_privileged(const ContainerSpec& spec) {
  return std::find(spec.bounding.begin(), spec.bounding.end(), "CAP_SYS_ADMIN") !=
         spec.bounding.end();
}

}  // namespace

Result<std::optional<Request>> request_from(const ContainerSpec& spec, const Config& config) {
  const Environment variables = relevant_variables(spec.env);
  if (!config.accept_env_when_unprivileged && !is_privileged(spec)) return std::optional<Request>();
  std::optional<std::vector<DeviceSelector>> devices = TRY(requested_devices(variables));
  if (!devices) return std::optional<Request>();
  Request request;
  request.devices = std::move(*devices);
  request.capabilities = TRY(requested_capabilities(variables, config.supported_capabilities));
  request.requirements = TRY(requested_requirements(variables, config));
  return std::optional<Request>(std::move(request));
}

}  // namespace gpuhook
