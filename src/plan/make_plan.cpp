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

plan::KnownFacts facts_of(const Inventory& inventory, const Gpu* gpu) {
  return {.cuda = inventory.cuda_version,
          .driver = inventory.driver.text(),
          .arch = gpu == nullptr ? std::string() : gpu->architecture,
          .brand = gpu == nullptr ? std::string() : gpu->brand};
}

// Each selected GPU has to meet them; without one, the driver alone.
Status check_requirements(const Request& request, const Selection& selection,
                          const Inventory& inventory) {
  const auto check = [&](const Gpu* gpu) -> Status {
    for (const std::string& expression : request.requirements)
      TRY(plan::check_requirement(expression, facts_of(inventory, gpu)));
    return {};
  };
  constexpr std::string_view kDoing = "checking the image's requirements";
  if (selection.gpus.empty()) return doing(kDoing, check(nullptr));
  for (const std::uint32_t index : selection.gpus)
    TRY(doing(kDoing, doing(concat("GPU ", index), check(&inventory.gpus[index]))));
  return {};
}

bool is_mig_name(const DeviceSelector& device) {
  return std::holds_alternative<MigUuid>(device) || std::holds_alternative<MigIndex>(device) ||
         std::holds_alternative<MigPath>(device);
}

// Who may change a GPU's MIG devices has all of it; asking for one of them as well is a mistake.
Status check_mig_rights(const Request& request) {
  const bool one_device = std::any_of(request.devices.begin(), request.devices.end(), is_mig_name);
  if (!one_device || !(request.mig_config || request.mig_monitor)) return {};
  return fail(ErrorKind::kBadInput, "rights over MIG go with whole GPUs, not with a MIG device",
              "name the GPU, or leave NVIDIA_MIG_CONFIG_DEVICES and "
              "NVIDIA_MIG_MONITOR_DEVICES out");
}

bool has_library(const Inventory& inventory, std::string_view stem) {
  return std::any_of(inventory.files.begin(), inventory.files.end(),
                     [stem](const DriverFile& file) {
                       return file.kind == DriverFileKind::kLibrary && !file.compat32 &&
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

// Why a file of the host is not in the plan; nothing when it is.
std::optional<std::string> plan_note(const DriverFile& file, const Request& request,
                                     const Container& container) {
  if (plan::wanted(file, request)) {
    if (!file.compat32 || plan::library32_directory(container)) return std::nullopt;
    return "32-bit, and the image has no directory for such libraries";
  }
  const std::string needs = file.capabilities.empty() ? "all" : file.capabilities.text();
  return concat("not asked for, belongs to ", needs, file.compat32 ? " with compat32" : "");
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
  for (const DriverFile& file : inventory.files)
    if (auto reason = plan_note(file, request, container))
      notes.push_back({.what = std::string(file.path.name()), .reason = std::move(*reason)});
  return notes;
}

// Why the image's CUDA libraries do not come first; where they do, the cache's op says so.
std::vector<Note> compat_notes(const Request& request, const Inventory& inventory,
                               const Container& container, const Config& config) {
  const auto decision = plan::decide_cuda_compat(request, inventory, container, config);
  if (!decision || decision->preferred) return {};
  return {{.what = plan::cuda_compat_directory().text(),
           .reason = concat("not preferred to the host's libraries: ", decision->reason)}};
}

// Features that were asked for and granted, and that this host does not have.
std::vector<Note> feature_notes(const Request& request, const Inventory& inventory) {
  std::vector<Note> notes;
  for (std::size_t i = 0; i < kCountOf<Feature>; ++i) {
    const auto feature = static_cast<Feature>(i);
    const auto& nodes = inventory.feature_nodes;
    const bool there = std::any_of(nodes.begin(), nodes.end(), [feature](const FeatureNode& node) {
      return node.feature == feature;
    });
    if (request.features.contains(feature) && !there) {
      notes.push_back({.what = std::string(name_of(feature)),
                       .reason = "the host has no device node of this feature"});
    }
  }
  return notes;
}

std::vector<MigIndex> mig_indices(const Selection& selection) {
  std::vector<MigIndex> indices;
  for (const plan::SelectedMig& mig : selection.mig)
    indices.push_back({.gpu = mig.gpu, .instance = mig.instance});
  return indices;
}

template <class Element>
void append(std::vector<Element>& list, std::vector<Element> more) {
  std::move(more.begin(), more.end(), std::back_inserter(list));
}

}  // namespace

bool needs_driver_library(const Request& request, const Inventory& inventory) {
  if (inventory.unanswered.empty()) return false;
  const bool by_uuid = std::any_of(
      request.devices.begin(), request.devices.end(),
      [](const DeviceSelector& device) { return std::holds_alternative<MigUuid>(device); });
  return by_uuid ||
         std::any_of(request.requirements.begin(), request.requirements.end(),
                     [&inventory](const std::string& expression) {
                       return plan::hangs_on_unknown(expression, facts_of(inventory, nullptr));
                     });
}

Result<InjectionPlan> make_plan(const Request& request, const Inventory& inventory,
                                const Container& container, const Config& config) {
  const auto compose = [&]() -> Result<InjectionPlan> {
    const Selection selection = TRY(plan::select_devices(request, inventory));
    TRY(check_mig_rights(request));
    TRY(check_driver(request, inventory));
    TRY(check_requirements(request, selection, inventory));
    InjectionPlan composed{.driver_root = inventory.driver_root,
                           .device_root = inventory.device_root,
                           .driver = inventory.driver,
                           .gpus = selection.gpus,
                           .mig = mig_indices(selection),
                           .ops = {},
                           .notes = selection.notes};
    append(composed.ops, TRY(plan::device_ops(selection, request, inventory, config)));
    append(composed.ops, plan::shared_ops(request, inventory, config));
    append(composed.ops, plan::file_ops(request, inventory, container));
    append(composed.ops, plan::link_ops(request, inventory, container));
    append(composed.ops, plan::proc_ops(selection, request, inventory));
    append(composed.ops, plan::graphics_ops(selection, request, inventory, config));
    append(composed.ops, plan::loader_ops(request, inventory, container, config));
    append(composed.notes, compat_notes(request, inventory, container, config));
    append(composed.notes, feature_notes(request, inventory));
    append(composed.notes, notes_of(request, inventory, container));
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
      "allow-device",   "bind-device", "bind-file", "bind-socket",
      "bind-directory", "masked-tree", "make-link", "update-loader-cache"};
  return kNames.at(op.index());
}

std::string_view name_of(DirectoryUse use) {
  constexpr std::array<std::string_view, 3> kNames{"read", "open-devices", "write"};
  return kNames.at(static_cast<std::size_t>(use));
}

}  // namespace gpuhook
