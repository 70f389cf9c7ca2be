// SPDX-License-Identifier: Apache-2.0
// Reads sysfs and /dev; every number is compared with what the kernel has registered.
#include "host/feature_nodes.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "base/try.h"
#include "formats/proc_tables.h"
#include "host/device_nodes.h"
#include "sys/privileges.h"

namespace gpuhook::host {
namespace {

constexpr std::size_t kMaxEntries = 65536;
constexpr std::size_t kMaxProcBytes = 65536;

std::vector<sys::DirEntry> entries_of(const sys::RootedDir& root, std::string_view directory) {
  return root.list(directory, kMaxEntries).value_or(std::vector<sys::DirEntry>());
}

// --- nodes of the graphics subsystem ---

// "card" of card1, "render" of renderD128; other nodes (control nodes of old kernels) serve nobody.
std::optional<std::string_view> role_of(std::string_view name) {
  for (const auto& [prefix, role] : {std::pair{"card", "card"}, std::pair{"renderD", "render"}}) {
    if (name.starts_with(prefix) &&
        number<std::uint32_t>(name.substr(std::string_view(prefix).size())))
      return role;
  }
  return std::nullopt;
}

void read_drm(const sys::RootedDir& host, const sys::RootedDir& device_root, Inventory& inventory) {
  for (Gpu& gpu : inventory.gpus) {
    const std::string directory = concat("/sys/bus/pci/devices/", gpu.pci.text(), "/drm");
    for (const sys::DirEntry& entry : entries_of(host, directory)) {
      const auto role = role_of(entry.name);
      if (!role) continue;
      const Result<std::string> text =
          host.read_file(concat(directory, "/", entry.name, "/dev"), kMaxProcBytes);
      const auto number = text ? formats::parse_device_number(*text) : std::nullopt;
      if (!number) continue;
      DeviceNode node{.path = HostPath::literal(concat("/dev/dri/", entry.name)),
                      .number = *number};
      if (auto problem = look_up(device_root, node)) {
        inventory.absences.push_back({.what = node.path.text(), .reason = std::move(*problem)});
      } else {
        gpu.drm.push_back({.node = std::move(node), .role = std::string(*role)});
      }
    }
  }
}

// --- nodes found by name in /dev, their major number compared ---

struct NamedNodes {
  Feature feature;
  std::string_view directory;
  std::string_view prefix;
  std::string_view major_name;  // in /proc/devices
};

constexpr std::array kNamedNodes{
    NamedNodes{Feature::kGds, "/dev", "nvidia-fs", "nvidia-fs"},
    NamedNodes{Feature::kGdrcopy, "/dev", "gdrdrv", "gdrdrv"},
    NamedNodes{Feature::kNvswitch, "/dev", "nvidia-nvswitch", "nvidia-nvswitch"},
    NamedNodes{Feature::kMofed, "/dev/infiniband", "uverbs", "infiniband_verbs"},
};

std::optional<DeviceNode> node_at(const sys::RootedDir& device_root, const std::string& path) {
  const Result<HostPath> parsed = HostPath::parse(path);
  const Result<sys::FileStatus> status = device_root.status(path);
  if (!parsed || !status || status->type != sys::FileType::kCharacterDevice) return std::nullopt;
  return DeviceNode{.path = *parsed, .number = status->number, .access = access_of(*status)};
}

void read_named(const sys::RootedDir& device_root, const std::vector<formats::DeviceMajor>& majors,
                Inventory& inventory) {
  for (const NamedNodes& wanted : kNamedNodes) {
    for (const sys::DirEntry& entry : entries_of(device_root, wanted.directory)) {
      if (!entry.name.starts_with(wanted.prefix)) continue;
      auto node = node_at(device_root, concat(wanted.directory, "/", entry.name));
      if (!node || !formats::has_major(majors, wanted.major_name, node->number.major)) continue;
      inventory.feature_nodes.push_back({.feature = wanted.feature, .node = std::move(*node)});
    }
  }
}

// A miscellaneous device: its major number is shared with very different ones.
void read_rdma_cm(const sys::RootedDir& host, const sys::RootedDir& device_root,
                  Inventory& inventory) {
  constexpr std::uint32_t kMiscMajor = 10;
  const Result<std::string> misc = host.read_file("/proc/misc", kMaxProcBytes);
  const auto minor = misc ? formats::misc_minor(*misc, "rdma_cm") : std::nullopt;
  if (!minor) return;
  DeviceNode node{.path = HostPath::literal("/dev/infiniband/rdma_cm"),
                  .number = {.major = kMiscMajor, .minor = *minor}};
  if (!look_up(device_root, node))
    inventory.feature_nodes.push_back({.feature = Feature::kMofed, .node = std::move(node)});
}

void read_imex(const sys::RootedDir& device_root, const std::vector<formats::DeviceMajor>& majors,
               Inventory& inventory) {
  constexpr std::string_view kDirectory = "/dev/nvidia-caps-imex-channels";
  constexpr std::string_view kPrefix = "channel";
  const auto major = formats::major_of(majors, {"nvidia-caps-imex-channels"});
  if (!major) return;
  for (const sys::DirEntry& entry : entries_of(device_root, kDirectory)) {
    if (!entry.name.starts_with(kPrefix)) continue;
    const auto channel = number<std::uint32_t>(std::string_view(entry.name).substr(kPrefix.size()));
    // "channel01" would be channel 1 once more.
    if (!channel || entry.name != concat(kPrefix, *channel)) continue;
    DeviceNode node{.path = HostPath::literal(concat(kDirectory, "/", kPrefix, *channel)),
                    .number = {.major = *major, .minor = *channel}};
    if (!look_up(device_root, node)) inventory.imex_channels.push_back(std::move(node));
  }
  std::sort(inventory.imex_channels.begin(), inventory.imex_channels.end(),
            [](const DeviceNode& a, const DeviceNode& b) { return a.number < b.number; });
}

// --- files that go with nodes ---

void read_gds_files(const sys::RootedDir& host, const sys::RootedDir& device_root,
                    Inventory& inventory) {
  if (device_root.is_directory("/run/udev")) {
    inventory.feature_files.push_back(
        {.feature = Feature::kGds, .path = HostPath::literal("/run/udev"), .directory = true});
  }
  const Result<sys::FileStatus> config = host.status("/etc/cufile.json");
  if (config && config->type == sys::FileType::kRegular) {
    inventory.feature_files.push_back(
        {.feature = Feature::kGds, .path = HostPath::literal("/etc/cufile.json")});
  }
}

// The pipe directory of the multi-process service. It lies in a directory that everybody can write
// to: only one that root made can be the daemon's of all users.
void read_mps(const sys::RootedDir& device_root, Inventory& inventory) {
  constexpr std::string_view kPath = "/tmp/nvidia-mps";
  const auto absent = [&](std::string reason) {
    inventory.absences.push_back({.what = std::string(kPath), .reason = std::move(reason)});
  };
  const Result<HostPath> real = device_root.real_path(kPath);
  const Result<sys::FileStatus> status = device_root.status(kPath);
  if (!real || !status || !device_root.exists(concat(kPath, "/control")))
    return absent("no pipe directory: the multi-process service does not run");
  const Result<bool> owner = sys::is_trusted_owner(status->uid);
  const bool plain = real->text() == kPath && status->type == sys::FileType::kDirectory;
  if (!owner || !*owner || !plain) return absent("not used: it is no directory of root");
  inventory.mps_directory = *real;
}

}  // namespace

Status read_feature_nodes(const sys::RootedDir& host, const sys::RootedDir& device_root,
                          OmissionSet leave_out, Inventory& inventory) {
  const std::vector<formats::DeviceMajor> majors =
      formats::parse_character_devices(TRY(host.read_file("/proc/devices", kMaxProcBytes)));
  read_drm(host, device_root, inventory);
  read_named(device_root, majors, inventory);
  read_rdma_cm(host, device_root, inventory);
  read_imex(device_root, majors, inventory);
  read_gds_files(host, device_root, inventory);
  if (leave_out.contains(Omission::kMps)) {
    inventory.absences.push_back(
        {.what = "/tmp/nvidia-mps", .reason = "left out by the configuration"});
  } else {
    read_mps(device_root, inventory);
  }
  return {};
}

}  // namespace gpuhook::host
