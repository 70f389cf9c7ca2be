// SPDX-License-Identifier: Apache-2.0
// What a container asks for, free of any knowledge about the host.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
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
// A MIG device as drivers before 470 name it: "MIG-GPU-<uuid>/<GPU instance>/<compute instance>".
struct MigPath {
  std::string gpu_uuid;  // "GPU-..."
  std::uint32_t gpu_instance = 0;
  std::uint32_t compute_instance = 0;
  bool operator==(const MigPath&) const = default;
};
using DeviceSelector =
    std::variant<AllDevices, GpuIndex, GpuUuid, PciAddress, MigUuid, MigIndex, MigPath>;

// The selector in the spelling that parse_selector accepts.
std::string text_of(const DeviceSelector& selector);

// Errors: kBadInput when `text` has none of the accepted forms: all, 3, GPU-<uuid>, 0000:0a:00.0,
// 3:1, MIG-<uuid>, MIG-GPU-<uuid>/1/0, or one of these behind the CDI kind "nvidia.com/gpu=".
Result<DeviceSelector> parse_selector(std::string_view text);

struct Request {
  // Empty means: driver files and control nodes, no GPU (NVIDIA_VISIBLE_DEVICES=none).
  std::vector<DeviceSelector> devices;
  CapabilitySet capabilities{Capability::kCompute, Capability::kUtility};
  // All capabilities were asked for together: driver files that no capability names come as well.
  bool everything = false;
  // NVIDIA_REQUIRE_* values, sorted by variable name; every one must hold. Empty when checks are
  // disabled.
  std::vector<std::string> requirements;

  // The right to create MIG devices on the visible GPUs, and to watch those of other containers.
  bool mig_config = false;
  bool mig_monitor = false;
  std::vector<std::uint32_t> imex_channels;  // ascending
  FeatureSet features;                       // kImex is told by imex_channels alone

  bool operator==(const Request&) const = default;
};

// Errors: kBadInput unless a decimal number up to 1048575 (20 bits, as the driver numbers them).
Result<std::uint32_t> parse_imex_channel(std::string_view text);

// A mount of the OCI configuration, as spelled.
struct SpecMount {
  std::string source;
  std::string destination;
  std::string type;      // empty: a bind, where an option says so
  bool is_bind = false;  // by its type or an option
  bool operator==(const SpecMount&) const = default;
};

// A character device that the configuration gives to the container.
struct SpecDevice {
  std::string path;
  DeviceNumber number;
  bool operator==(const SpecDevice&) const = default;
};

// A stretch of ids of the container's user namespace.
struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
  bool operator==(const IdMapping&) const = default;
};

struct Annotation {
  std::string key;
  std::string value;
  bool operator==(const Annotation&) const = default;
};

// The parts of a container's OCI configuration that can carry a request, or matter when it is
// changed.
struct ContainerSpec {
  std::string oci_version;
  std::vector<std::string> env;       // "NAME=value", in the order of config.json
  std::vector<std::string> bounding;  // process.capabilities.bounding, as spelled
  std::vector<SpecMount> mounts;
  std::string root_path;               // root.path as written
  bool has_mount_namespace = false;    // linux.namespaces lists a mount namespace
  std::string joined_mount_namespace;  // its path when an existing one is joined
  bool has_user_namespace = false;
  std::vector<IdMapping> gid_mappings;
  std::vector<std::uint32_t> additional_gids;
  std::vector<SpecDevice> devices;
  std::vector<std::string> prestart_hooks;  // their paths
  std::vector<Annotation> annotations;

  bool operator==(const ContainerSpec&) const = default;
};

// Errors: kBadInput (malformed, ambiguous or too large a config.json).
Result<ContainerSpec> parse_container_spec(std::string_view config_json);

// What came of a container's wishes.
struct RequestDecision {
  // Nothing when the container asks for no GPU software at all, or may not ask.
  std::optional<Request> request;
  // What was asked for and ignored by policy.
  std::vector<Note> notes;
  bool operator==(const RequestDecision&) const = default;
};

// Who decides: a hook, which sees what the engine has made of a container's annotations, or who
// edits the specification before a container is made from it.
enum class Decider : std::uint8_t { kHook, kSpecEditor };

// Reads the NVIDIA_* variables and, where the configuration says so, the mounts that name devices;
// for a kSpecEditor also annotations, where the variables say nothing or "all". A specification
// that gpu-hook has edited asks nobody for more; one that has the driver from an engine's own CDI
// support asks a kSpecEditor for nothing.
//
// Errors: kBadInput for a device, channel or capability name that no host could satisfy; kRefused
// for a capability that the configuration forbids, and for MIG rights in a container without
// CAP_SYS_ADMIN.
Result<RequestDecision> decide_request(const ContainerSpec& spec, const Config& config,
                                       Decider decider = Decider::kHook);

// Marks a specification as one that has the driver.
inline constexpr std::string_view kInjectedAnnotation = "io.gpuhook.injected";
// Its value, the fingerprint of the host it was edited for; nothing in one that is as it was
// written.
std::optional<std::string> earlier_edit(const ContainerSpec& spec);

// Whether anything in the container could be meant for us, whatever the configuration says (but for
// swarm resources of unusual names, which only it knows): a container for which this is false
// starts even where the configuration is broken.
bool may_concern_us(const ContainerSpec& spec, Decider decider = Decider::kHook);

}  // namespace gpuhook
