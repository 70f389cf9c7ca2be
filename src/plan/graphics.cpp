// SPDX-License-Identifier: Apache-2.0
// How drawing programs find the selected GPUs, and only these. All of it is optional.
#include "base/text.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

constexpr std::uint32_t kProfileGpus = 64;  // bits of the driver's setting

// /dev/dri/by-path/pci-0000:0a:00.0-card -> ../card1, as udev makes it on hosts.
void add_links(std::vector<PlannedOp>& ops, const Gpu& gpu) {
  for (const DrmNode& drm : gpu.drm) {
    const ContainerPath directory = ContainerPath::literal("/dev/dri/by-path");
    ops.push_back({MakeLink{.target = directory / concat("pci-", gpu.pci.text(), "-", drm.role),
                            .points_to = concat("../", drm.node.path.name()),
                            .covered_by = std::nullopt},
                   Necessity::kOptional, concat(drm.role, " node of GPU ", gpu.index, " by path")});
  }
}

// An application profile of the driver (README of the driver, "Application Profiles") that holds
// for every program: EGL shows the GPUs whose minors are in the mask.
std::string profile_text(std::uint64_t minors) {
  return concat(
      "{\n"
      "  \"profiles\": [\n"
      "    {\"name\": \"_container_\", \"settings\": [\"EGLVisibleDGPUDevices\", 0x",
      hex(minors, 1),
      "]}\n"
      "  ],\n"
      "  \"rules\": [\n"
      "    {\"pattern\": [], \"profile\": \"_container_\"}\n"
      "  ]\n"
      "}\n");
}

PlannedOp profile_op(const Selection& selection, const Inventory& inventory) {
  std::uint64_t minors = 0;
  for (const std::uint32_t index : selection.gpus) {
    const std::uint32_t minor = inventory.gpus[index].minor;
    if (minor < kProfileGpus) minors |= std::uint64_t{1} << minor;
  }
  return {
      MaskedTree{.target = ContainerPath::literal("/etc/nvidia/nvidia-application-profiles-rc.d"),
                 .files = {{.path = "10-container.conf", .content = profile_text(minors)}},
                 .create = true},
      Necessity::kOptional, "limits EGL to the selected GPUs"};
}

}  // namespace

std::vector<PlannedOp> graphics_ops(const Selection& selection, const Request& request,
                                    const Inventory& inventory, const Config& config) {
  if (!wants_graphics(request) || selection.gpus.empty()) return {};
  std::vector<PlannedOp> ops;
  if (!config.leave_out.contains(Omission::kDeviceNodes)) {
    for (const std::uint32_t index : selection.gpus) add_links(ops, inventory.gpus[index]);
  }
  ops.push_back(profile_op(selection, inventory));
  return ops;
}

}  // namespace gpuhook::plan
