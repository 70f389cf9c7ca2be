// SPDX-License-Identifier: Apache-2.0
// Finds the device cgroup of a container and opens it beneath the cgroup file system.
#include "container/device_group.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/try.h"
#include "container/parts.h"
#include "formats/proc_tables.h"
#include "sys/privileges.h"

namespace gpuhook::container {
namespace {

using formats::CgroupLine;
using formats::MountInfo;
using sys::linux_kernel;

constexpr std::size_t kMaxProcBytes = std::size_t{16} << 20U;

Result<std::string> read_proc(int dir, const std::string& path) {
  const UniqueFd file = TRY(linux_kernel().openat2(
      dir, path, {.open = sys::Open::kRead, .resolve = sys::Resolve::kHost}));
  const std::vector<std::byte> bytes = TRY(linux_kernel().read(file.get(), kMaxProcBytes));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

struct Hierarchy {
  bool v2 = false;
  MountInfo mount;
};

bool lists_devices(std::string_view options) {
  const std::vector<std::string_view> list = split(options, ',');
  return std::find(list.begin(), list.end(), "devices") != list.end();
}

// The mounts of the hierarchy that governs: several when parts of it are mounted for nested
// runtimes.
std::vector<Hierarchy> governing_hierarchies(const std::vector<MountInfo>& mounts) {
  std::vector<Hierarchy> found;
  for (const MountInfo& mount : mounts) {
    if (mount.type == "cgroup" && lists_devices(mount.super_options))
      found.push_back({.v2 = false, .mount = mount});
  }
  if (!found.empty()) return found;
  for (const MountInfo& mount : mounts) {
    if (mount.type == "cgroup2") found.push_back({.v2 = true, .mount = mount});
  }
  return found;
}

// The group of one process in the hierarchy.
Result<std::string> group_path(const std::string& cgroup_text, bool v2) {
  for (const CgroupLine& line : TRY(formats::parse_cgroup(cgroup_text))) {
    const bool devices = std::find(line.controllers.begin(), line.controllers.end(), "devices") !=
                         line.controllers.end();
    if (v2 ? line.hierarchy == 0 : devices) return line.path;
  }
  return fail(ErrorKind::kNotFound, "the process is in no device cgroup",
              "use --no-cgroups if that is intended");
}

bool is_same_or_above(std::string_view upper, std::string_view lower) {
  return upper == "/" || upper == lower || (lower.starts_with(upper) && lower[upper.size()] == '/');
}

// The path below the mount point: nested runtimes mount a sub-tree.
Result<std::string> below_mount(const std::string& path, const MountInfo& mount) {
  const bool inside = is_same_or_above(mount.root, path) && path.find("/..") == std::string::npos;
  if (!inside)
    return fail(ErrorKind::kRefused,
                concat("cgroup ", in_quotes(path), " lies outside the mounted hierarchy"));
  return mount.root == "/" ? path : path.substr(mount.root.size());
}

// A group that also holds processes of somebody else would hand them the devices, too. Processes of
// the container are in its mount namespace; one that ends while we look has none.
Status check_members(int group, const sys::Process& container) {
  for (const std::string_view line : lines(TRY(read_proc(group, "cgroup.procs")))) {
    const auto pid = number<std::uint32_t>(trimmed(line));
    if (!pid || *pid == container.pid) continue;
    const Result<bool> together = sys::share_mount_namespace(container, *pid);
    if (!together || *together) continue;
    return fail(
        ErrorKind::kRefused,
        concat("the container's device cgroup also holds process ", *pid, " of another container"),
        "give each container a cgroup of its own (linux.cgroupsPath), or use --no-cgroups");
  }
  return {};
}

Result<UniqueFd> open_group(const Hierarchy& hierarchy, const std::string& path) {
  const UniqueFd top =
      TRY(linux_kernel().openat2(sys::kNoDirectory, hierarchy.mount.mount_point,
                                 {.open = sys::Open::kDirectory, .resolve = sys::Resolve::kHost}));
  const std::uint64_t magic = hierarchy.v2 ? sys::kCgroup2 : sys::kCgroup;
  if (TRY(linux_kernel().fstatfs_type(top.get())) != magic) {
    return fail(ErrorKind::kRefused,
                concat(in_quotes(hierarchy.mount.mount_point), " is covered by something else"));
  }
  const std::string relative = TRY(below_mount(path, hierarchy.mount));
  const std::string name = relative.empty() || relative == "/" ? "." : relative.substr(1);
  return linux_kernel().openat2(
      top.get(), name, {.open = sys::Open::kReadDirectory, .resolve = sys::Resolve::kSameMount});
}

// Through the first mount that shows the group; what the last one said when none does.
Result<UniqueFd> open_first(const std::vector<Hierarchy>& hierarchies, const std::string& path) {
  for (const Hierarchy& hierarchy : hierarchies) {
    Result<UniqueFd> group = open_group(hierarchy, path);
    if (group || &hierarchy == &hierarchies.back()) return group;
  }
  return fail(ErrorKind::kNotFound, "no hierarchy is mounted");
}

}  // namespace

Result<DeviceGroup> find_device_group(const Target& target) {
  const auto& process = target.parts().process;
  if (!process) return DeviceGroup(NoDeviceGroup{"there is no running container"});
  if (!TRY(sys::in_initial_user_namespace())) {
    return DeviceGroup(
        NoDeviceGroup{"device cgroups cannot be changed from inside a user namespace"});
  }
  const std::vector<MountInfo> mounts =
      TRY(formats::parse_mountinfo(TRY(read_proc(sys::kNoDirectory, "/proc/self/mountinfo"))));
  const std::vector<Hierarchy> hierarchies = governing_hierarchies(mounts);
  if (hierarchies.empty())
    return DeviceGroup(NoDeviceGroup{"no cgroup hierarchy with device rules is mounted"});
  const bool v2 = hierarchies.front().v2;
  const std::string theirs = TRY(group_path(TRY(read_proc(process->proc.get(), "cgroup")), v2));
  const std::string ours =
      TRY(group_path(TRY(read_proc(sys::kNoDirectory, "/proc/self/cgroup")), v2));
  if (is_same_or_above(theirs, ours)) {
    return fail(
        ErrorKind::kRefused,
        concat("the container has no device cgroup of its own, it shares ", in_quotes(theirs)),
        "let the runtime create a cgroup for the container, or use --no-cgroups");
  }
  UniqueFd directory =
      TRY(doing(concat("opening cgroup ", in_quotes(theirs)), open_first(hierarchies, theirs)));
  TRY(check_members(directory.get(), *process));
  if (v2) return DeviceGroup(DeviceGroupV2{std::move(directory)});
  return DeviceGroup(DeviceGroupV1{std::move(directory)});
}

}  // namespace gpuhook::container
