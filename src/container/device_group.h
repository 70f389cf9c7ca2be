// SPDX-License-Identifier: Apache-2.0
// The cgroup that decides about a container's devices.
#pragma once

#include <variant>

#include "base/unique_fd.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook::container {

struct DeviceGroupV1 {
  UniqueFd directory;  // rules are written to devices.allow in it
};
struct DeviceGroupV2 {
  UniqueFd directory;  // device programs are attached to it
};
struct NoDeviceGroup {
  std::string reason;  // why no device rules can or need be set
};
using DeviceGroup = std::variant<DeviceGroupV1, DeviceGroupV2, NoDeviceGroup>;

// Which hierarchy governs is told by what is mounted: /proc/<pid>/cgroup lists version 1
// controllers even where only version 2 is mounted. A version 1 devices hierarchy governs wherever
// it is mounted.
//
// Errors: kRefused for a group that is also ours, or the root group: a rule there would reach
// beyond the container.
Result<DeviceGroup> find_device_group(const Target& target);

}  // namespace gpuhook::container
