// SPDX-License-Identifier: Apache-2.0
// The kernel's tables in /proc: devices, mountinfo, cgroup, uid_map (proc(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/values.h"

namespace gpuhook::formats {

struct DeviceMajor {
  std::uint32_t major = 0;
  std::string name;
  bool operator==(const DeviceMajor&) const = default;
};

// The "Character devices:" part of /proc/devices; lines of another form are skipped.
std::vector<DeviceMajor> parse_character_devices(std::string_view text);

// The major number registered under the first of `names` that is.
std::optional<std::uint32_t> major_of(const std::vector<DeviceMajor>& table,
                                      std::initializer_list<std::string_view> names);

// Whether `major` is registered under `name`; large drivers have several.
bool has_major(const std::vector<DeviceMajor>& table, std::string_view name, std::uint32_t major);

// The minor of a miscellaneous device (major 10) in the text of /proc/misc.
std::optional<std::uint32_t> misc_minor(std::string_view text, std::string_view name);

// "226:1", the text of a `dev` file in sysfs.
std::optional<DeviceNumber> parse_device_number(std::string_view text);

struct MountInfo {
  std::uint64_t id = 0;
  DeviceNumber file_system;
  std::string root;         // path inside the mounted file system
  std::string mount_point;  // escapes resolved
  bool shared = false;      // member of a peer group: mounts below it appear in its peers
  std::string type;
  std::string super_options;
  bool operator==(const MountInfo&) const = default;
};

// Errors: kBadInput naming the line number.
Result<std::vector<MountInfo>> parse_mountinfo(std::string_view text);

struct CgroupLine {
  std::uint32_t hierarchy = 0;           // 0 for version 2
  std::vector<std::string> controllers;  // empty for version 2
  std::string path;
  bool operator==(const CgroupLine&) const = default;
};

// Errors: kBadInput.
Result<std::vector<CgroupLine>> parse_cgroup(std::string_view text);

// The outside id that id 0 inside maps to: the first line of uid_map or gid_map that covers 0.
std::optional<std::uint32_t> mapped_root(std::string_view id_map);

}  // namespace gpuhook::formats
