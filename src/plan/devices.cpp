// SPDX-License-Identifier: Apache-2.0
// Which device nodes a container gets. Every bound node has its cgroup rule.
#include <algorithm>

#include "base/text.h"
#include "base/try.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

struct GrantedNode {
  DeviceNode node;
  Necessity necessity = Necessity::kRequired;
  std::string reason;
  bool bound = true;  // false: its directory is bound as a whole, or its file is not wanted
};

// nvidiactl serves everybody, uvm serves CUDA, modeset serves displays.
bool needs_control_node(std::string_view name, const Request& request) {
  using enum Capability;
  if (name.starts_with("nvidia-uvm")) return request.capabilities.intersects({kCompute, kVideo});
  if (name == "nvidia-modeset") return wants_graphics(request);
  return true;
}

void add_control_nodes(std::vector<GrantedNode>& nodes, const Request& request,
                       const Inventory& inventory) {
  for (const DeviceNode& node : inventory.control_nodes) {
    if (!needs_control_node(node.path.name(), request)) continue;
    const bool nicety =
        node.path.name() == "nvidia-modeset" || node.path.name() == "nvidia-uvm-tools";
    nodes.push_back({.node = node,
                     .necessity = nicety ? Necessity::kOptional : Necessity::kRequired,
                     .reason = concat("control node, for ", request.capabilities.text())});
  }
}

void add_gpus(std::vector<GrantedNode>& nodes, const Selection& selection, const Request& request,
              const Inventory& inventory) {
  for (const std::uint32_t index : selection.gpus) {
    const Gpu& gpu = inventory.gpus[index];
    nodes.push_back({.node = gpu.node, .reason = concat("GPU ", index, " at ", gpu.pci.text())});
  }
  if (!wants_graphics(request)) return;
  for (const std::uint32_t index : selection.gpus) {
    for (const DrmNode& drm : inventory.gpus[index].drm) {
      nodes.push_back({.node = drm.node,
                       .necessity = Necessity::kOptional,
                       .reason = concat(drm.role, " node of GPU ", index)});
    }
  }
}

void add_mig_nodes(std::vector<GrantedNode>& nodes, const Selection& selection,
                   const Request& request, const Inventory& inventory) {
  const bool directory_bound = request.mig_config || request.mig_monitor;
  for (const SelectedMig& selected : selection.mig) {
    const MigInstance& mig = inventory.gpus[selected.gpu].mig[selected.instance];
    const std::string reason =
        concat("access to MIG device ", selected.gpu, ":", selected.instance);
    for (const auto& node : {mig.gpu_instance_access, mig.compute_instance_access}) {
      if (node) nodes.push_back({.node = *node, .reason = reason, .bound = !directory_bound});
    }
  }
}

// The right itself, and every node that a MIG device of the selected GPUs can have: who creates
// devices has to be able to open them.
Status add_mig_right(std::vector<GrantedNode>& nodes, const Selection& selection,
                     const Inventory& inventory, const std::optional<DeviceNode>& right,
                     std::string_view name) {
  if (!right) {
    return fail(ErrorKind::kRefused,
                concat("the right to ", name,
                       " MIG devices was asked for, and the driver has no "
                       "node for it"),
                "run `nvidia-modprobe -f /proc/driver/nvidia/capabilities/mig/config` and the "
                "same for monitor on the host, or unset NVIDIA_MIG_*_DEVICES");
  }
  nodes.push_back(
      {.node = *right, .reason = concat("right to ", name, " MIG devices"), .bound = false});
  for (const std::uint32_t index : selection.gpus) {
    for (const std::uint32_t minor : inventory.gpus[index].mig_minors) {
      const HostPath path = right->path.parent() / concat("nvidia-cap", minor);
      nodes.push_back({.node = {.path = path, .number = {right->number.major, minor}},
                       .reason = concat("any MIG device of GPU ", index),
                       .bound = false});
    }
  }
  return {};
}

Status add_imex_channels(std::vector<GrantedNode>& nodes, const Request& request,
                         const Inventory& inventory) {
  const auto& offered = inventory.imex_channels;
  for (const std::uint32_t channel : request.imex_channels) {
    const auto found = std::find_if(offered.begin(), offered.end(), [&](const DeviceNode& node) {
      return node.number.minor == channel;
    });
    if (found == offered.end()) {
      return fail(ErrorKind::kNotFound,
                  concat("IMEX channel ", channel, " does not exist on this host"),
                  concat("create it on the host: `nvidia-modprobe -i ", channel, ":1`"));
    }
    nodes.push_back({.node = *found, .reason = concat("IMEX channel ", channel)});
  }
  return {};
}

void add_feature_nodes(std::vector<GrantedNode>& nodes, const Request& request,
                       const Inventory& inventory) {
  for (const FeatureNode& offered : inventory.feature_nodes) {
    if (!request.features.contains(offered.feature)) continue;
    nodes.push_back({.node = offered.node,
                     .necessity = Necessity::kOptional,
                     .reason = concat("feature ", name_of(offered.feature))});
  }
}

// Two MIG devices of one GPU instance share its access node.
void drop_repeated(std::vector<GrantedNode>& nodes) {
  std::vector<GrantedNode> once;
  std::vector<DeviceNumber> seen;
  for (GrantedNode& node : nodes) {
    const auto place = std::lower_bound(seen.begin(), seen.end(), node.node.number);
    if (place != seen.end() && *place == node.node.number) continue;
    seen.insert(place, node.node.number);
    once.push_back(std::move(node));
  }
  nodes = std::move(once);
}

Op bind_of(const GrantedNode& granted) {
  return BindDevice{granted.node.path, ContainerPath::literal(granted.node.path.text()),
                    granted.node.number, granted.node.access};
}

}  // namespace

bool wants_graphics(const Request& request) {
  return request.capabilities.intersects({Capability::kGraphics, Capability::kDisplay});
}

Result<std::vector<PlannedOp>> device_ops(const Selection& selection, const Request& request,
                                          const Inventory& inventory, const Config& config) {
  std::vector<GrantedNode> nodes;
  add_control_nodes(nodes, request, inventory);
  add_gpus(nodes, selection, request, inventory);
  add_mig_nodes(nodes, selection, request, inventory);
  if (request.mig_config)
    TRY(add_mig_right(nodes, selection, inventory, inventory.mig_config, "create"));
  if (request.mig_monitor)
    TRY(add_mig_right(nodes, selection, inventory, inventory.mig_monitor, "watch"));
  TRY(add_imex_channels(nodes, request, inventory));
  add_feature_nodes(nodes, request, inventory);
  drop_repeated(nodes);
  std::vector<PlannedOp> ops;
  for (const GrantedNode& granted : nodes) {
    ops.push_back({AllowDevice{granted.node.number}, granted.necessity, granted.reason});
  }
  if (config.leave_out.contains(Omission::kDeviceNodes)) return ops;
  for (const GrantedNode& granted : nodes) {
    if (granted.bound) ops.push_back({bind_of(granted), granted.necessity, granted.reason});
  }
  return ops;
}

}  // namespace gpuhook::plan
