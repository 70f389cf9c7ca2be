// SPDX-License-Identifier: Apache-2.0
// The texts of the NVIDIA kernel module below /proc/driver, as drivers 418 to 590 write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/values.h"

namespace gpuhook::formats {

// From the line "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue ...": the first
// word that is a version. Errors: kBadInput.
Result<DriverVersion> parse_module_version(std::string_view version_text);

struct GpuInformation {
  std::string model;
  std::string uuid;  // empty while the driver shows question marks, before a GPU's first use
  std::optional<PciAddress> pci;
  std::optional<std::uint32_t> minor;
  bool excluded = false;
  bool operator==(const GpuInformation&) const = default;
};

// "Key: \t value" lines of gpus/<address>/information. Errors: kBadInput without a usable Device
// Minor or Bus Location.
Result<GpuInformation> parse_gpu_information(std::string_view text);

// The number in "DeviceFileMinor: 12" of a capability file; nothing when there is none.
std::optional<std::uint32_t> parse_capability_minor(std::string_view text);

// A line of /proc/driver/nvidia-caps/mig-minors that belongs to a GPU: "gpu1/gi2/ci0/access 21".
struct MigMinor {
  std::uint32_t gpu_minor = 0;
  std::uint32_t minor = 0;  // of a node in /dev/nvidia-caps
  bool operator==(const MigMinor&) const = default;
};
// Lines of another form ("config 1", "monitor 2") are skipped.
std::vector<MigMinor> parse_mig_minors(std::string_view text);

// The params text with "ModifyDeviceFiles: 1" turned to 0: otherwise libraries inside a container
// re-create device nodes that they find wrong.
std::string without_device_file_modification(std::string_view params_text);

}  // namespace gpuhook::formats
