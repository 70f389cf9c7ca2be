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
  std::optional<DeviceNode>
      gpu_instance_access;  // /dev/nvidia-caps/nvidia-capN; none on drivers before 450
  std::optional<DeviceNode> compute_instance_access;
  std::string problem;  // why it cannot be given to a container; empty when it can
  bool operator==(const MigInstance&) const = default;
};

struct Gpu {
  std::uint32_t index = 0;  // position in PCI bus order
  std::uint32_t minor = 0;  // N of /dev/nvidiaN
  PciAddress pci;
  std::string uuid;   // "GPU-...", lower case; empty while the driver has not initialised the GPU
  std::string model;  // "NVIDIA H100 80GB HBM3"
  DeviceNode node;
  std::string
      problem;  // why it cannot be given to a container, such as a missing node; empty when it can
  std::vector<MigInstance> mig;  // ordered by (gpu_instance, compute_instance); empty without MIG
  bool operator==(const Gpu&) const = default;
};

// What a driver file is to a container.
enum class DriverFileKind : std::uint8_t { kLibrary, kProgram, kFirmware, kSocket };
std::string_view name_of(DriverFileKind kind);

struct DriverFile {
  DriverFileKind kind = DriverFileKind::kLibrary;
  HostPath path;       // the file itself in the driver root, every link resolved
  std::string soname;  // libraries: DT_SONAME, equal to the file name where the file has none
  bool development_link = false;  // libraries: the host has a "libX.so" link for it
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

struct Inventory {
  DriverVersion driver;  // version of the loaded kernel module
  std::string
      cuda_version;       // "13.0", highest CUDA that this driver branch serves; empty when unknown
  HostPath driver_root;   // all DriverFile paths are inside
  HostPath device_root;   // all DeviceNode paths are inside
  std::vector<Gpu> gpus;  // in PCI bus order; excluded GPUs are absences
  std::vector<DeviceNode>
      control_nodes;  // nvidiactl, nvidia-uvm, nvidia-uvm-tools, nvidia-modeset: those present
  std::vector<DriverFile> files;
  std::vector<ProcFile>
      proc;  // params, version, registry, gpus/<address>/information, capabilities/...
  std::vector<Absence> absences;
  bool operator==(const Inventory&) const = default;
};

}  // namespace gpuhook
