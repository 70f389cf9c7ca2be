// SPDX-License-Identifier: Apache-2.0
// Composes the rules into one plan.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/try.h"
#include "plan/requirement.h"
#include "plan/rules.h"

namespace gpuhook {
namespace {

using plan::Selection;

Status check_requirements(const Request& request, const Inventory& inventory) {
  const plan::KnownFacts facts{
      .cuda = inventory.cuda_version, .driver = inventory.driver.text(), .arch = {}, .brand = {}};
  for (const std::string& expression : request.requirements) {
    TRY(doing("checking the image's requirements", plan::check_requirement(expression, facts)));
  }
  return {};
}

bool has_library(const Inventory& inventory, std::string_view stem) {
  return std::any_of(inventory.files.begin(), inventory.files.end(),
                     [stem](const DriverFile& file) {
                       return file.kind == DriverFileKind::kLibrary &&
                              plan::library_stem(file.path.name()) == stem;
                     });
}

Status require_library(const Inventory& inventory, std::string_view stem,
                       std::string_view capability) {
  if (has_library(inventory, stem)) return {};
  return fail(
      ErrorKind::kNoDriver,
      concat("capability ", capability, " needs ", stem, ".so.", inventory.driver.text(),
             ", which the driver root ", in_quotes(inventory.driver_root.text()), " lacks"),
      "install the complete driver, or leave the capability out of NVIDIA_DRIVER_CAPABILITIES");
}

Status check_driver(const Request& request, const Inventory& inventory) {
  using enum Capability;
  const auto named = [&inventory](std::string_view name) {
    return std::any_of(inventory.control_nodes.begin(), inventory.control_nodes.end(),
                       [name](const DeviceNode& node) { return node.path.name() == name; });
  };
  if (!named("nvidiactl")) {
    return fail(ErrorKind::kNoDriver, "the host has no usable \"/dev/nvidiactl\"",
                "create it with `nvidia-modprobe` or by running nvidia-smi on the host once");
  }
  if (request.capabilities.intersects({kCompute, kVideo}) && !named("nvidia-uvm")) {
    return fail(ErrorKind::kNoDriver,
                "the host has no usable \"/dev/nvidia-uvm\", without which CUDA does not start",
                "run `nvidia-modprobe -u -c 0` on the host, or leave compute and video out of "
                "NVIDIA_DRIVER_CAPABILITIES");
  }
  if (request.capabilities.intersects({kCompute, kVideo}))
    TRY(require_library(inventory, "libcuda", "compute"));
  if (request.capabilities.contains(kUtility))
    TRY(require_library(inventory, "libnvidia-ml", "utility"));
  return {};
}

// What people look for in a container and will not find.
std::vector<Note> notes_of(const Request& request, const Inventory& inventory,
                           const Container& container) {
  std::vector<Note> notes;
  for (const Absence& absence : inventory.absences)
    notes.push_back({.what = absence.what, .reason = absence.reason});
  if (container.loader != Loader::kGlibc) {
    notes.push_back({.what = plan::loader_cache().text(),
                     .reason = "the image has no glibc loader: the driver's programs and libraries "
                               "do not run in it"});
  }
  for (const DriverFile& file : inventory.files) {
    if (plan::wanted(file, request)) continue;
    const std::string needs = file.capabilities.empty() ? "all" : file.capabilities.text();
    notes.push_back({.what = std::string(file.path.name()),
                     .reason = concat("not asked for, belongs to ", needs)});
  }
  return notes;
}

void append(std::vector<PlannedOp>& ops, std::vector<PlannedOp> more) {
  std::move(more.begin(), more.end(), std::back_inserter(ops));
}

}  // namespace

Result<InjectionPlan> make_plan(const Request& request, const Inventory& inventory,
                                const Container& container) {
  const auto compose = [&]() -> Result<InjectionPlan> {
    const Selection selection = TRY(plan::select_devices(request, inventory));
    TRY(check_driver(request, inventory));
    TRY(check_requirements(request, inventory));
    InjectionPlan composed{.driver_root = inventory.driver_root,
                           .device_root = inventory.device_root,
                           .driver = inventory.driver,
                           .gpus = selection.gpus,
                           .ops = plan::device_ops(selection, request, inventory),
                           .notes = selection.notes};
    append(composed.ops, plan::file_ops(request, inventory, container));
    append(composed.ops, plan::link_ops(request, inventory, container));
    append(composed.ops, plan::proc_ops(selection, inventory));
    append(composed.ops, plan::loader_ops(request, inventory, container));
    for (Note& note : notes_of(request, inventory, container))
      composed.notes.push_back(std::move(note));
    TRY(check_plan(composed));
    return composed;
  };
  return doing("planning", compose());
}

const ContainerPath* target_of(const Op& op) {
  return std::visit(
      [](const auto& kind) -> const ContainerPath* {
        if constexpr (requires { kind.target; })
          return &kind.target;
        else
          return nullptr;
      },
      op);
}

std::string_view kind_of(const Op& op) {
  constexpr std::array<std::string_view, std::variant_size_v<Op>> kNames{
      "allow-device", "bind-device", "bind-file",          "bind-socket",
      "masked-tree",  "make-link",   "update-loader-cache"};
  return kNames.at(op.index());
}

}  // namespace gpuhook
