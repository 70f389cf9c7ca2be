// SPDX-License-Identifier: Apache-2.0
// What tests compare before and after: directory trees and mount tables.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gpuhook::testing {

// Path below a directory -> type, mode, and content, link text, device number or, for what holds
// data, time of the last change. No link is followed.
using Tree = std::map<std::string, std::string>;
Tree tree_of(const std::string& directory);

// The paths in which two trees differ -> "BEFORE, now AFTER".
Tree changes(const Tree& before, const Tree& after);

std::string text_of_file(const std::string& path);
mode_t mode_of(const std::string& path);

// One line of mountinfo.
struct MountLine {
  std::string root;
  std::string point;
  std::string options;      // "ro,nosuid,nodev,relatime"
  std::string propagation;  // "shared:1"; empty when private
  std::string type;
  bool operator==(const MountLine&) const = default;
};

// The file as it is, for comparisons as a whole.
std::string mountinfo_of(pid_t process);
std::vector<MountLine> mounts_of(pid_t process);
// How often something is mounted at a point, and the visible one's options without atime settings.
std::size_t mounts_at(pid_t process, const std::string& point);
std::optional<MountLine> mount_at(pid_t process, const std::string& point);

// Identity of this process' mount namespace.
ino_t own_mount_namespace();

}  // namespace gpuhook::testing
