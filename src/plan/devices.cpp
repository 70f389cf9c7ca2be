// SPDX-License-Identifier: Apache-2.0
// Which device nodes a container gets. Every bound node has its cgroup rule, and there is no rule
// without a node.
#include "base/text.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

struct GrantedNode {
  DeviceNode node;
  Necessity necessity = Necessity::kRequired;
  std::string reason;
};

// nvidiactl serves everybody, uvm serves CUDA, modeset serves displays.
bool needs_control_node(std::string_view name, const Request& request) {
  using enum Capability;
  if (name.starts_with("nvidia-uvm")) return request.capabilities.intersects({kCompute, kVideo});
  if (name == "nvidia-modeset") return request.capabilities.intersects({kDisplay, kGraphics});
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

void add_mig_nodes(std::vector<GrantedNode>& nodes, const Selection& selection,
                   const Inventory& inventory) {
  for (const SelectedMig& selected : selection.mig) {
    const MigInstance& mig = inventory.gpus[selected.gpu].mig[selected.instance];
    const std::string reason =
        concat("access to MIG device ", selected.gpu, ":", selected.instance);
    for (const auto& node : {mig.gpu_instance_access, mig.compute_instance_access}) {
      if (node) nodes.push_back({.node = *node, .reason = reason});
    }
  }
}

// Two MIG devices of one GPU instance share its access node.
void drop_repeated(std::vector<GrantedNode>& nodes) {
  std::vector<GrantedNode> once;
  for (GrantedNode& node : nodes) {
    bool seen = false;
    for (const GrantedNode& earlier : once) seen = seen || earlier.node == node.node;
    if (!seen) once.push_back(std::move(node));
  }
  nodes = std::move(once);
}

}  // namespace

std::vector<PlannedOp> device_ops(const Selection& selection, const Request& request,
                                  const Inventory& inventory) {
  std::vector<GrantedNode> nodes;
  add_control_nodes(nodes, request, inventory);
  for (const std::uint32_t index : selection.gpus) {
    const Gpu& gpu = inventory.gpus[index];
    nodes.push_back({.node = gpu.node, .reason = concat("GPU ", index, " at ", gpu.pci.text())});
  }
  add_mig_nodes(nodes, selection, inventory);
  drop_repeated(nodes);
  std::vector<PlannedOp> ops;
  for (const GrantedNode& granted : nodes) {
    ops.push_back({AllowDevice{granted.node.number}, granted.necessity, granted.reason});
  }
  for (const GrantedNode& granted : nodes) {
    const ContainerPath target = ContainerPath::literal(granted.node.path.text());
    ops.push_back({BindDevice{granted.node.path, target, granted.node.number}, granted.necessity,
                   granted.reason});
  }
  return ops;
}

}  // namespace gpuhook::plan
