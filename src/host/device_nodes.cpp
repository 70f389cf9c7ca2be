// SPDX-License-Identifier: Apache-2.0
// Compares /dev with /proc/devices.
#include "host/device_nodes.h"

#include <array>
#include <optional>

#include "base/text.h"
#include "base/try.h"
#include "formats/proc_tables.h"

namespace gpuhook::host {
namespace {

struct ControlNode {
  std::string_view path;
  std::string_view major_name;  // in /proc/devices
  std::string_view older_name;  // what drivers before 550 call it
  std::uint32_t minor;
};

// Minors are fixed in the driver: nv-linux.h (255 control, 254 modeset), uvm_linux.h (0 uvm, 1
// tools).
constexpr std::array kControlNodes{
    ControlNode{"/dev/nvidiactl", "nvidiactl", "nvidia-frontend", 255},
    ControlNode{"/dev/nvidia-modeset", "nvidia-modeset", "nvidia-frontend", 254},
    ControlNode{"/dev/nvidia-uvm", "nvidia-uvm", "nvidia-uvm", 0},
    ControlNode{"/dev/nvidia-uvm-tools", "nvidia-uvm", "nvidia-uvm", 1},
};

// An instance can be opened through its two nodes only. With nv_cap_enable_devfs=0 the driver
// grants access by files in /proc instead, which are the same for all containers.
std::string look_up(const sys::RootedDir& device_root, MigInstance& mig) {
  if (mig.gpu_instance_access.has_value() != mig.compute_instance_access.has_value()) {
    return "the driver names only one of its two access nodes";
  }
  if (!mig.gpu_instance_access) return "the driver has no device nodes for MIG access";
  for (DeviceNode* const node : {&*mig.gpu_instance_access, &*mig.compute_instance_access}) {
    if (auto problem = host::look_up(device_root, *node)) return *problem;
  }
  return {};
}

// Rights over MIG as a whole: a node that is not there cannot be given.
void check_right(const sys::RootedDir& device_root, std::optional<DeviceNode>& right,
                 std::vector<Absence>& absences) {
  if (!right) return;
  auto problem = host::look_up(device_root, *right);
  if (!problem) return;
  absences.push_back({.what = right->path.text(), .reason = std::move(*problem)});
  right.reset();
}

}  // namespace

NodeAccess access_of(const sys::FileStatus& status) {
  return {.mode = status.permissions, .uid = status.uid, .gid = status.gid};
}

std::optional<std::string> look_up(const sys::RootedDir& device_root, DeviceNode& node) {
  const Result<sys::FileStatus> status = device_root.status(node.path.text());
  if (!status) return concat(in_quotes(node.path.text()), " does not exist in the device root");
  const bool right =
      status->type == sys::FileType::kCharacterDevice && status->number == node.number;
  if (right) {
    node.access = access_of(*status);
    return std::nullopt;
  }
  return concat(in_quotes(node.path.text()), " is not character device ", node.number.major, ":",
                node.number.minor);
}

Status read_device_nodes(const sys::RootedDir& host, const sys::RootedDir& device_root,
                         Inventory& inventory) {
  const std::vector<formats::DeviceMajor> majors =
      formats::parse_character_devices(TRY(host.read_file("/proc/devices", 65536)));
  for (const ControlNode& control : kControlNodes) {
    // The control and modeset nodes share the GPUs' major number, whatever the driver's version
    // calls it.
    const bool uvm = control.major_name == "nvidia-uvm";
    const auto major =
        uvm ? formats::major_of(majors, {control.major_name})
            : formats::major_of(majors, {control.major_name, control.older_name, "nvidia"});
    if (!major) {
      inventory.absences.push_back(
          {.what = std::string(control.path),
           .reason = concat("no ", in_quotes(control.major_name), " in \"/proc/devices\"")});
      continue;
    }
    DeviceNode node{.path = HostPath::literal(control.path),
                    .number = {.major = *major, .minor = control.minor}};
    if (auto problem = look_up(device_root, node)) {
      inventory.absences.push_back(
          {.what = std::string(control.path), .reason = std::move(*problem)});
    } else {
      inventory.control_nodes.push_back(std::move(node));
    }
  }
  for (Gpu& gpu : inventory.gpus) {
    if (gpu.problem.empty()) gpu.problem = look_up(device_root, gpu.node).value_or("");
    if (!gpu.problem.empty()) {
      inventory.absences.push_back(
          {.what = concat("GPU ", gpu.index, " at ", gpu.pci.text()), .reason = gpu.problem});
    }
    for (MigInstance& mig : gpu.mig) mig.problem = look_up(device_root, mig);
  }
  check_right(device_root, inventory.mig_config, inventory.absences);
  check_right(device_root, inventory.mig_monitor, inventory.absences);
  return {};
}

}  // namespace gpuhook::host
