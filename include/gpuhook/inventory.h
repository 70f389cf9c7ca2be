// SPDX-License-Identifier: Apache-2.0
// What a host offers, as found without opening a GPU or executing anything.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpuhook/values.h"

namespace gpuhook {

// A MIG compute instance and the two nodes that grant it.
struct MigInstance {
  std::uint32_t gpu_instance = 0;      // "gi" number of the driver
  std::uint32_t compute_instance = 0;  // "ci" number inside it
  std::string uuid;                    // "MIG-..."; empty until the driver library was asked
  std::optional<DeviceNode> gpu_instance_access;  // /dev/nvidia-caps/nvidia-capN
  std::optional<DeviceNode> compute_instance_access;
  std::string problem;  // why it cannot be given to a container; empty when it can
  bool operator==(const MigInstance&) const = default;
};

// A node of the kernel's graphics subsystem that belongs to a GPU.
struct DrmNode {
  DeviceNode node;   // /dev/dri/card1, /dev/dri/renderD128
  std::string role;  // "card" or "render", as the links in /dev/dri/by-path end
  bool operator==(const DrmNode&) const = default;
};

struct Gpu {
  std::uint32_t index = 0;  // position in PCI bus order
  std::uint32_t minor = 0;  // N of /dev/nvidiaN
  PciAddress pci;
  std::string uuid;   // "GPU-...", lower case; empty while the driver has not initialised the GPU
  std::string model;  // "NVIDIA H100 80GB HBM3"
  std::string brand;  // "Tesla", "GeForce", ...; empty until the driver library was asked
  std::string architecture;  // CUDA compute capability, "9.0"; empty until then, too
  DeviceNode node;
  std::string
      problem;  // why it cannot be given to a container, such as a missing node; empty when it can
  std::vector<MigInstance> mig;  // ordered by (gpu_instance, compute_instance); empty without MIG
  std::vector<std::uint32_t> mig_minors;  // of all nodes that MIG devices of this GPU could have
  std::vector<DrmNode> drm;
  bool operator==(const Gpu&) const = default;
};

// What a driver file is to a container.
enum class DriverFileKind : std::uint8_t {
  kLibrary,
  kProgram,
  kFirmware,
  kSocket,
  kData,        // a file that a library or loader reads at a fixed place
  kXorgModule,  // loaded by an X server of the image
};
std::string_view name_of(DriverFileKind kind);

struct DriverFile {
  DriverFileKind kind = DriverFileKind::kLibrary;
  HostPath path;  // the file itself in the driver root, every link resolved
  // Libraries: DT_SONAME, equal to the file name where the file has none. Data: the path at which
  // containers look for it. X modules: the path below the directory of modules. Else: its name.
  std::string soname;
  bool development_link = false;  // libraries: the host has a "libX.so" link for it
  bool compat32 = false;          // libraries: for 32-bit programs
  CapabilitySet
      capabilities;  // any of these brings it into a container; empty: only when all are asked for
  bool operator==(const DriverFile&) const = default;
};

// Something looked for and not found, or found and not taken.
struct Absence {
  std::string what;    // "libnvidia-nscq", "/dev/nvidia-modeset"
  std::string reason;  // "no libnvidia-nscq.so.580.159.04 in /usr/local/nvidia/lib64"
  bool operator==(const Absence&) const = default;
};

// A small file of the driver's proc directory, path relative to /proc/driver/nvidia.
struct ProcFile {
  std::string path;
  std::string content;
  bool operator==(const ProcFile&) const = default;
};

// A node that comes with a feature.
struct FeatureNode {
  Feature feature = Feature::kGds;
  DeviceNode node;
  bool operator==(const FeatureNode&) const = default;
};
// A file in the driver root, or a directory in the device root, that comes with a feature.
struct FeatureFile {
  Feature feature = Feature::kGds;
  HostPath path;
  bool directory = false;
  bool operator==(const FeatureFile&) const = default;
};

struct Inventory {
  DriverVersion driver;      // version of the loaded kernel module
  std::string cuda_version;  // "13.0", highest CUDA that this driver serves; empty when unknown
  HostPath driver_root;      // all DriverFile paths are inside
  HostPath device_root;      // all DeviceNode paths are inside
  std::vector<Gpu> gpus;     // in PCI bus order; excluded GPUs are absences
  std::vector<DeviceNode>
      control_nodes;  // nvidiactl, nvidia-uvm, nvidia-uvm-tools, nvidia-modeset: those present
  std::optional<DeviceNode> mig_config;   // /dev/nvidia-caps/nvidia-cap1: whoever opens it
  std::optional<DeviceNode> mig_monitor;  // may change, or watch, the MIG devices of its GPUs
  std::vector<DeviceNode> imex_channels;  // ascending
  std::vector<FeatureNode> feature_nodes;
  std::vector<FeatureFile> feature_files;
  std::optional<HostPath> mps_directory;  // pipes of the multi-process service, in the device root
  std::vector<DriverFile> files;
  std::vector<ProcFile>
      proc;  // params, version, registry, gpus/<address>/information, capabilities/...
  std::vector<Absence> absences;
  // Why the driver library has said nothing; empty once it has answered.
  std::string unanswered = "the driver library was not asked";
  bool operator==(const Inventory&) const = default;
};

}  // namespace gpuhook
