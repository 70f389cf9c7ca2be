// SPDX-License-Identifier: Apache-2.0
// Plans as container edits of the CDI.
#include <algorithm>

#include "base/text.h"
#include "gpuhook/cdi_plan.h"
#include "render/oci_pieces.h"

namespace gpuhook {
namespace {

constexpr std::string_view kFingerprintAnnotation = "gpuhook.io/made-for";

// Who may open the node, where not everybody may.
void put_access(const NodeAccess& access, CdiDeviceNode& node) {
  if (access == NodeAccess()) return;
  node.file_mode = access.mode;
  node.uid = access.uid;
  node.gid = access.gid;
}

// The container's first process gets the group.
void put_group(const NodeAccess& access, CdiEdits& edits) {
  auto& gids = edits.additional_gids;
  if (!access.open_to_all() && access.gid != 0 &&
      std::find(gids.begin(), gids.end(), access.gid) == gids.end())
    gids.push_back(access.gid);
}

class Edits {
 public:
  Edits(const InjectionPlan& plan, bool add_groups) : plan_(plan), add_groups_(add_groups) {}

  void operator()(const AllowDevice& /*op*/) {}  // goes with the node
  void operator()(const BindDevice& op) {
    CdiDeviceNode node{.path = op.target.text(), .permissions = "rw"};
    const std::string source = render::host_path(plan_.device_root, op.source);
    if (source != node.path) node.host_path = source;
    put_access(op.access, node);
    if (add_groups_) put_group(op.access, edits_);
    edits_.device_nodes.push_back(std::move(node));
  }
  void operator()(const BindFile& op) { put_mount(Op(op), plan_.driver_root, op.source); }
  void operator()(const BindSocket& op) { put_mount(Op(op), plan_.driver_root, op.source); }
  void operator()(const BindDirectory& op) { put_mount(Op(op), plan_.device_root, op.source); }
  // The hook's.
  void operator()(const MaskedTree& /*op*/) {}
  void operator()(const MakeLink& /*op*/) {}
  void operator()(const UpdateLoaderCache& /*op*/) {}

  CdiEdits take() { return std::move(edits_); }

 private:
  void put_mount(const Op& op, const HostPath& root, const HostPath& source) {
    edits_.mounts.push_back({.host_path = render::host_path(root, source),
                             .container_path = target_of(op)->text(),
                             .options = render::mount_options(op)});
  }

  const InjectionPlan& plan_;
  bool add_groups_;
  CdiEdits edits_;
};

// What the plan has beyond `common`.
CdiEdits edits_beyond(const InjectionPlan& plan, const InjectionPlan& common, bool add_groups) {
  Edits edits(plan, add_groups);
  for (const PlannedOp& planned : plan.ops) {
    const bool shared =
        std::any_of(common.ops.begin(), common.ops.end(),
                    [&planned](const PlannedOp& other) { return other.op == planned.op; });
    if (!shared) std::visit(edits, planned.op);
  }
  return edits.take();
}

CdiHook hook_of(const CompletionHook& hook) {
  return {.hook_name = "createRuntime",
          .path = hook.program.text(),
          .args = hook.arguments,
          .env = {std::string(kHookEnvironment)}};
}

// Engines refuse versions they do not know, and annotations need a later one than most hosts do:
// the fingerprint, which the hook carries anyway, is an annotation only where it costs nothing.
bool allows_annotations(std::string_view version) {
  return version != "0.3.0" && version != "0.4.0" && version != "0.5.0";
}

}  // namespace

std::string fingerprint_of(const Inventory& inventory) {
  std::string text = inventory.driver.text();
  const auto add = [&text](const DeviceNode& node) {
    text += concat(" ", node.path.name(), "=", node.number.major);
  };
  for (const DeviceNode& node : inventory.control_nodes) {
    // The others share the majors of these.
    if (node.path.name() == "nvidiactl" || node.path.name() == "nvidia-uvm") add(node);
  }
  if (inventory.mig_config) add(*inventory.mig_config);
  return text;
}

CdiSpec cdi_spec_of(const CdiPlans& plans, const CompletionHook& hook, bool add_groups) {
  CdiSpec spec{.version = {}, .kind = "nvidia.com/gpu"};
  spec.edits = edits_beyond(plans.common, InjectionPlan(), add_groups);
  // Later hooks take the container for one that asks for nothing.
  spec.edits.env = {"NVIDIA_VISIBLE_DEVICES=void"};
  spec.edits.hooks = {hook_of(hook)};
  for (const NamedPlan& device : plans.devices) {
    spec.devices.push_back({.name = device.name,
                            .annotations = {},
                            .edits = edits_beyond(device.plan, plans.common, add_groups)});
  }
  spec.version = lowest_cdi_version(spec);
  constexpr std::string_view kMadeFor = "--made-for=";
  for (const std::string& argument : hook.arguments) {
    if (argument.starts_with(kMadeFor) && allows_annotations(spec.version))
      spec.annotations.emplace(kFingerprintAnnotation, argument.substr(kMadeFor.size()));
  }
  return spec;
}

}  // namespace gpuhook
