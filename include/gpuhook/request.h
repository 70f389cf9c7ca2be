// SPDX-License-Identifier: Apache-2.0
// What a container asks for, free of any knowledge about the host.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "gpuhook/config.h"
#include "gpuhook/values.h"

namespace gpuhook {

// One way to name a device. Names are checked for form only; whether the host has the device is
// decided by make_plan.
struct AllDevices {
  bool operator==(const AllDevices&) const = default;
};
struct GpuIndex {
  std::uint32_t index = 0;  // position in PCI bus order, as nvidia-smi counts
  bool operator==(const GpuIndex&) const = default;
};
struct GpuUuid {
  std::string uuid;  // "GPU-..." in lower case after the prefix
  bool operator==(const GpuUuid&) const = default;
};
struct MigUuid {
  std::string uuid;  // "MIG-..." in lower case after the prefix
  bool operator==(const MigUuid&) const = default;
};
struct MigIndex {
  std::uint32_t gpu = 0;       // index of the GPU
  std::uint32_t instance = 0;  // index of the MIG device on it
  bool operator==(const MigIndex&) const = default;
};
using DeviceSelector = std::variant<AllDevices, GpuIndex, GpuUuid, PciAddress, MigUuid, MigIndex>;

// The selector in the spelling that parse_selector accepts.
std::string text_of(const DeviceSelector& selector);

// Errors: kBadInput when `text` has none of the accepted forms: all, 3, GPU-<uuid>, 0000:0a:00.0,
// 3:1, MIG-<uuid>.
Result<DeviceSelector> parse_selector(std::string_view text);

struct Request {
  // Empty means: driver files and control nodes, no GPU (NVIDIA_VISIBLE_DEVICES=none).
  std::vector<DeviceSelector> devices;
  CapabilitySet capabilities{Capability::kCompute, Capability::kUtility};
  // NVIDIA_REQUIRE_* values, sorted by variable name; every one must hold. Empty when checks are
  // disabled.
  std::vector<std::string> requirements;

  bool operator==(const Request&) const = default;
};

// The parts of a container's OCI configuration that can carry a request.
struct ContainerSpec {
  std::string oci_version;
  std::vector<std::string> env;        // "NAME=value", in the order of config.json
  std::vector<std::string> bounding;   // process.capabilities.bounding, as spelled
  std::string root_path;               // root.path as written
  bool has_mount_namespace = false;    // linux.namespaces lists a mount namespace
  std::string joined_mount_namespace;  // its path when an existing one is joined

  bool operator==(const ContainerSpec&) const = default;
};

// Errors: kBadInput (malformed, ambiguous or too large a config.json).
Result<ContainerSpec> parse_container_spec(std::string_view config_json);

// Nothing when the container asks for no GPU software at all: variable unset, empty or "void".
// Errors: kBadInput for a device or capability name that no host could satisfy.
Result<std::optional<Request>> request_from(const ContainerSpec& spec, const Config& config);

}  // namespace gpuhook
