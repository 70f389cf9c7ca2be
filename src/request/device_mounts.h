// SPDX-License-Identifier: Apache-2.0
// Device requests carried by mounts: what an image cannot fake, since mounts come from the user.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/request.h"

namespace gpuhook::request {

// The directory below which mounts of /dev/null name devices.
inline constexpr std::string_view kDeviceMountDirectory = "/var/run/nvidia-container-devices";

struct DeviceMounts {
  std::vector<std::string> devices;        // names for parse_selector, in the order of config.json
  std::vector<std::string> imex_channels;  // as spelled
  bool operator==(const DeviceMounts&) const = default;
};

// Below the directory: "<device>", "cdi/<vendor>/<class>/<device>",
// "cdi/<vendor>/<class>=<device>", "imex/<channel>". Other mounts, and mounts of anything but
// /dev/null, are no requests.
DeviceMounts device_mounts(std::span<const SpecMount> mounts);

}  // namespace gpuhook::request
