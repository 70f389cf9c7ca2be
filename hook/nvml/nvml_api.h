// SPDX-License-Identifier: Apache-2.0
// The part of NVML's binary interface that is asked: names, numbers and layouts as NVIDIA documents
// them in the NVML API reference. The library is opened at run time, never linked.
#pragma once

#include <cstdint>

namespace gpuhook::nvml {

using Code = int;
inline constexpr Code kSuccess = 0;

using Device = void*;

inline constexpr unsigned kUuidBytes = 96;     // NVML_DEVICE_UUID_V2_BUFFER_SIZE
inline constexpr unsigned kVersionBytes = 80;  // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
inline constexpr unsigned kMigEnabled = 1;     // NVML_DEVICE_MIG_ENABLE

struct PciInfo {  // nvmlPciInfo_t, version 3
  char bus_id_legacy[16];
  std::uint32_t domain;
  std::uint32_t bus;
  std::uint32_t device;
  std::uint32_t pci_device_id;
  std::uint32_t pci_subsystem_id;
  char bus_id[32];
};

}  // namespace gpuhook::nvml
