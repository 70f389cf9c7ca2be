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

json of(const DeviceNode& node) {
  return {{"path", node.path.text()}, {"number", of(node.number)}};
}

json of(const std::vector<ProcFile>& files) {
  json list = json::array();
  for (const ProcFile& file : files)
    list.push_back({{"path", file.path}, {"content", file.content}});
  return list;
}

json of(const std::vector<LoaderEntry>& entries) {
  json list = json::array();
  for (const LoaderEntry& entry : entries)
    list.push_back({{"soname", entry.soname}, {"path", entry.path.text()}});
  return list;
}

struct Members {
  json operator()(const AllowDevice& op) const {
    return {{"number", of(op.number)}, {"access", "rw"}};
  }
  json operator()(const BindDevice& op) const {
    return {{"source", op.source.text()}, {"target", op.target.text()}, {"number", of(op.number)}};
  }
  json operator()(const BindFile& op) const {
    return {{"source", op.source.text()}, {"target", op.target.text()}};
  }
  json operator()(const BindSocket& op) const {
    return {{"source", op.source.text()}, {"target", op.target.text()}};
  }
  json operator()(const MakeLink& op) const {
    return {{"target", op.target.text()},
            {"pointsTo", op.points_to},
            {"coveredBy", op.covered_by.text()}};
  }
  json operator()(const MaskedTree& op) const {
    return {{"target", op.target.text()}, {"files", of(op.files)}};
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

json of(const Gpu& gpu) {
  json mig = json::array();
  for (const MigInstance& instance : gpu.mig) {
    json object = {{"gpuInstance", instance.gpu_instance},
                   {"computeInstance", instance.compute_instance}};
    if (instance.gpu_instance_access)
      object["gpuInstanceAccess"] = of(*instance.gpu_instance_access);
    if (instance.compute_instance_access)
      object["computeInstanceAccess"] = of(*instance.compute_instance_access);
    mig.push_back(std::move(object));
  }
  json object = {{"index", gpu.index},    {"minor", gpu.minor}, {"uuid", gpu.uuid},
                 {"pci", gpu.pci.text()}, {"model", gpu.model}, {"node", of(gpu.node)},
                 {"mig", std::move(mig)}};
  if (!gpu.problem.empty()) object["problem"] = gpu.problem;
  return object;
}

json of(const DriverFile& file) {
  return {{"kind", name_of(file.kind)},
          {"path", file.path.text()},
          {file.kind == DriverFileKind::kLibrary ? "soname" : "name", file.soname},
          {"capabilities", of(file.capabilities)}};
}

template <class Element>
json list_of(const std::vector<Element>& elements) {
  json list = json::array();
  for (const Element& element : elements) list.push_back(of(element));
  return list;
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
  return dumped({{"gpuhookPlan", 1},
                 {"driver", plan.driver.text()},
                 {"driverRoot", plan.driver_root.text()},
                 {"deviceRoot", plan.device_root.text()},
                 {"gpus", plan.gpus},
                 {"ops", list_of(plan.ops)},
                 {"notes", remarks(plan.notes)}});
}

std::string inventory_as_json(const Inventory& inventory) {
  return dumped({{"gpuhookInventory", 1},
                 {"driver", inventory.driver.text()},
                 {"cuda", inventory.cuda_version},
                 {"driverRoot", inventory.driver_root.text()},
                 {"deviceRoot", inventory.device_root.text()},
                 {"gpus", list_of(inventory.gpus)},
                 {"controlNodes", list_of(inventory.control_nodes)},
                 {"files", list_of(inventory.files)},
                 {"absences", remarks(inventory.absences)}});
}

}  // namespace gpuhook
