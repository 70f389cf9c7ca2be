// SPDX-License-Identifier: Apache-2.0
// Rules of the container's device cgroup.
#pragma once

#include <span>

#include "container/device_group.h"
#include "gpuhook/report.h"
#include "sys/kernel.h"

namespace gpuhook::apply {

// Lets the container's group read and write the devices. Version 1: one line each; version 2: every
// attached program gets a prefix and is replaced in one step, so that at no moment a filter is
// missing. All new programs are loaded before the first is replaced.
Result<OutcomeKind> allow_devices(sys::Kernel& kernel, const container::DeviceGroupV1& group,
                                  std::span<const DeviceNumber> devices);
Result<OutcomeKind> allow_devices(sys::Kernel& kernel, const container::DeviceGroupV2& group,
                                  std::span<const DeviceNumber> devices);

}  // namespace gpuhook::apply
