// SPDX-License-Identifier: Apache-2.0
// What a container shares with the host beyond single files and nodes.
#include "base/text.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

// Instances come and go while a container with MIG rights runs: it sees the host's directory.
void add_mig_directory(std::vector<PlannedOp>& ops, const Request& request,
                       const Inventory& inventory) {
  if (!request.mig_config && !request.mig_monitor) return;
  const auto& right = request.mig_config ? inventory.mig_config : inventory.mig_monitor;
  if (!right) return;
  const HostPath directory = right->path.parent();
  ops.push_back({BindDirectory{directory, ContainerPath::literal(directory.text()),
                               DirectoryUse::kOpenDevices},
                 Necessity::kRequired, "nodes of MIG devices, also of those to come"});
}

// A configuration or database without the nodes it speaks of is of no use.
bool has_nodes(const Inventory& inventory, Feature feature) {
  for (const FeatureNode& node : inventory.feature_nodes) {
    if (node.feature == feature) return true;
  }
  return false;
}

void add_feature_files(std::vector<PlannedOp>& ops, const Request& request,
                       const Inventory& inventory) {
  for (const FeatureFile& file : inventory.feature_files) {
    if (!request.features.contains(file.feature) || !has_nodes(inventory, file.feature)) continue;
    const ContainerPath target = ContainerPath::literal(file.path.text());
    const Op op = file.directory ? Op(BindDirectory{file.path, target, DirectoryUse::kRead})
                                 : Op(BindFile{file.path, target});
    ops.push_back({op, Necessity::kOptional, concat("feature ", name_of(file.feature))});
  }
}

}  // namespace

std::vector<PlannedOp> shared_ops(const Request& request, const Inventory& inventory,
                                  const Config& config) {
  std::vector<PlannedOp> ops;
  if (!config.leave_out.contains(Omission::kDeviceNodes))
    add_mig_directory(ops, request, inventory);
  add_feature_files(ops, request, inventory);
  if (inventory.mps_directory && request.capabilities.contains(Capability::kCompute)) {
    ops.push_back({BindDirectory{*inventory.mps_directory,
                                 ContainerPath::literal(inventory.mps_directory->text()),
                                 DirectoryUse::kWrite},
                   Necessity::kOptional, "pipes of the multi-process service, for compute"});
  }
  return ops;
}

}  // namespace gpuhook::plan
