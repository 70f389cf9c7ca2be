// SPDX-License-Identifier: Apache-2.0
// Plans and inventories as JSON, member names in camelCase as OCI and CDI have them. Version 1 of
// both documents: members may be added, none is renamed or removed.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook {
namespace {

using json = nlohmann::ordered_json;

json of(DeviceNumber number) { return {{"major", number.major}, {"minor", number.minor}}; }

json of(const NodeAccess& access) {
  return {{"mode", octal(access.mode)}, {"uid", access.uid}, {"gid", access.gid}};
}

json of(const DeviceNode& node) {
  return {{"path", node.path.text()}, {"number", of(node.number)}};
}

json of(const std::vector<ProcFile>& files) {
  json list = json::array();
  for (const ProcFile& file : files)
    list.push_back({{"path", file.path}, {"content", file.content}});
  return list;
}

json of(const LoaderEntry& entry) {
  json object = {{"soname", entry.soname}, {"path", entry.path.text()}};
  if (entry.compat32) object["compat32"] = true;
  return object;
}

json of(const std::vector<LoaderEntry>& entries) {
  json list = json::array();
  for (const LoaderEntry& entry : entries) list.push_back(of(entry));
  return list;
}

struct Members {
  json operator()(const AllowDevice& op) const {
    return {{"number", of(op.number)}, {"access", "rw"}};
  }
  json operator()(const BindDevice& op) const {
    json object = {
        {"source", op.source.text()}, {"target", op.target.text()}, {"number", of(op.number)}};
    if (op.access != NodeAccess()) object["access"] = of(op.access);
    return object;
  }
  json operator()(const BindFile& op) const {
    return {{"source", op.source.text()}, {"target", op.target.text()}};
  }
  json operator()(const BindSocket& op) const {
    return {{"source", op.source.text()}, {"target", op.target.text()}};
  }
  json operator()(const BindDirectory& op) const {
    return {{"source", op.source.text()}, {"target", op.target.text()}, {"use", name_of(op.use)}};
  }
  json operator()(const MakeLink& op) const {
    json object = {{"target", op.target.text()}, {"pointsTo", op.points_to}};
    if (op.covered_by) object["coveredBy"] = op.covered_by->text();
    return object;
  }
  json operator()(const MaskedTree& op) const {
    json object = {{"target", op.target.text()}, {"files", of(op.files)}};
    if (op.create) object["create"] = true;
    return object;
  }
  json operator()(const UpdateLoaderCache& op) const {
    return {{"target", op.target.text()}, {"entries", of(op.entries)}};
  }
};

json of(const PlannedOp& op) {
  json object = {{"op", kind_of(op.op)}};
  object.update(std::visit(Members{}, op.op));
  object["required"] = op.necessity == Necessity::kRequired;
  object["reason"] = op.reason;
  return object;
}

// The list of texts that stand for the members of a capability set.
json of(const CapabilitySet& set) {
  json list = json::array();
  const std::string names = set.text();
  for (const std::string_view name : split(names, ',')) {
    if (!name.empty()) list.push_back(name);
  }
  return list;
}

// Structures that hold a node each.
template <class Holder>
json nodes_of(const std::vector<Holder>& holders) {
  json list = json::array();
  for (const Holder& holder : holders) list.push_back(of(holder.node));
  return list;
}

json of(const Gpu& gpu) {
  json mig = json::array();
  for (const MigInstance& instance : gpu.mig) {
    json object = {{"gpuInstance", instance.gpu_instance},
                   {"computeInstance", instance.compute_instance}};
    if (!instance.uuid.empty()) object["uuid"] = instance.uuid;
    if (instance.gpu_instance_access)
      object["gpuInstanceAccess"] = of(*instance.gpu_instance_access);
    if (instance.compute_instance_access)
      object["computeInstanceAccess"] = of(*instance.compute_instance_access);
    mig.push_back(std::move(object));
  }
  json object = {{"index", gpu.index},    {"minor", gpu.minor}, {"uuid", gpu.uuid},
                 {"pci", gpu.pci.text()}, {"model", gpu.model}, {"node", of(gpu.node)},
                 {"mig", std::move(mig)}};
  if (!gpu.brand.empty()) object["brand"] = gpu.brand;
  if (!gpu.architecture.empty()) object["architecture"] = gpu.architecture;
  if (!gpu.drm.empty()) object["drm"] = nodes_of(gpu.drm);
  if (!gpu.problem.empty()) object["problem"] = gpu.problem;
  return object;
}

json of(const DriverFile& file) {
  json object = {{"kind", name_of(file.kind)},
                 {"path", file.path.text()},
                 {file.kind == DriverFileKind::kLibrary ? "soname" : "name", file.soname},
                 {"capabilities", of(file.capabilities)}};
  if (file.compat32) object["compat32"] = true;
  return object;
}

json of(const FeatureNode& node) {
  json object = of(node.node);
  object["feature"] = name_of(node.feature);
  return object;
}

json of(const FeatureFile& file) {
  return {{"path", file.path.text()}, {"feature", name_of(file.feature)}};
}

template <class Element>
json list_of(const std::vector<Element>& elements) {
  json list = json::array();
  for (const Element& element : elements) list.push_back(of(element));
  return list;
}

// Members that most hosts do not have.
void add_rarities(json& document, const Inventory& inventory) {
  if (inventory.mig_config) document["migConfig"] = of(*inventory.mig_config);
  if (inventory.mig_monitor) document["migMonitor"] = of(*inventory.mig_monitor);
  if (!inventory.imex_channels.empty()) document["imexChannels"] = list_of(inventory.imex_channels);
  if (!inventory.feature_nodes.empty()) document["featureNodes"] = list_of(inventory.feature_nodes);
  if (!inventory.feature_files.empty()) document["featureFiles"] = list_of(inventory.feature_files);
  if (inventory.mps_directory) document["mpsDirectory"] = inventory.mps_directory->text();
  if (!inventory.unanswered.empty()) document["driverLibrary"] = inventory.unanswered;
}

template <class Remark>
json remarks(const std::vector<Remark>& all) {
  json list = json::array();
  for (const Remark& remark : all)
    list.push_back({{"what", remark.what}, {"reason", remark.reason}});
  return list;
}

// File names come from file systems and need not be UTF-8; such bytes are replaced rather than
// refused.
std::string dumped(const json& document) {
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string plan_as_json(const InjectionPlan& plan) {
  json document = {{"gpuhookPlan", 1},
                   {"driver", plan.driver.text()},
                   {"driverRoot", plan.driver_root.text()},
                   {"deviceRoot", plan.device_root.text()},
                   {"gpus", plan.gpus}};
  if (!plan.mig.empty()) {
    json& list = document["mig"] = json::array();
    for (const MigIndex& mig : plan.mig) list.push_back(text_of(DeviceSelector(mig)));
  }
  document["ops"] = list_of(plan.ops);
  document["notes"] = remarks(plan.notes);
  return dumped(document);
}

std::string inventory_as_json(const Inventory& inventory) {
  json document = {{"gpuhookInventory", 1},
                   {"driver", inventory.driver.text()},
                   {"cuda", inventory.cuda_version},
                   {"driverRoot", inventory.driver_root.text()},
                   {"deviceRoot", inventory.device_root.text()},
                   {"gpus", list_of(inventory.gpus)},
                   {"controlNodes", list_of(inventory.control_nodes)}};
  add_rarities(document, inventory);
  document["files"] = list_of(inventory.files);
  document["absences"] = remarks(inventory.absences);
  return dumped(document);
}

}  // namespace gpuhook
