// SPDX-License-Identifier: Apache-2.0
// What a container sees of /proc/driver/nvidia: the driver's texts, and of the GPUs only its own.
#include <algorithm>

#include "base/text.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

bool belongs_to_selected_gpu(std::string_view path, const Selection& selection,
                             const Inventory& inventory) {
  return std::any_of(selection.gpus.begin(), selection.gpus.end(), [&](std::uint32_t index) {
    return path.starts_with(concat("gpus/", inventory.gpus[index].pci.text(), "/"));
  });
}

bool belongs_to_selected_mig(std::string_view path, const Selection& selection,
                             const Inventory& inventory) {
  return std::any_of(selection.mig.begin(), selection.mig.end(), [&](const SelectedMig& selected) {
    const Gpu& gpu = inventory.gpus[selected.gpu];
    const MigInstance& mig = gpu.mig[selected.instance];
    const std::string gi = concat("capabilities/gpu", gpu.minor, "/mig/gi", mig.gpu_instance);
    return path == gi + "/access" || path == concat(gi, "/ci", mig.compute_instance, "/access");
  });
}

bool visible(const ProcFile& file, const Selection& selection, const Inventory& inventory) {
  if (file.path.starts_with("gpus/"))
    return belongs_to_selected_gpu(file.path, selection, inventory);
  if (file.path.starts_with("capabilities/"))
    return belongs_to_selected_mig(file.path, selection, inventory);
  return true;
}

// Without their common prefix.
std::vector<ProcFile> files_below(std::string_view prefix, const Selection& selection,
                                  const Inventory& inventory) {
  std::vector<ProcFile> files;
  for (const ProcFile& file : inventory.proc) {
    if (file.path.starts_with(prefix) && visible(file, selection, inventory))
      files.push_back({.path = file.path.substr(prefix.size()), .content = file.content});
  }
  return files;
}

}  // namespace

ContainerPath proc_directory() { return ContainerPath::literal("/proc/driver/nvidia"); }

std::vector<PlannedOp> proc_ops(const Selection& selection, const Request& request,
                                const Inventory& inventory) {
  if (!request.mig_config && !request.mig_monitor) {
    return {{MaskedTree{.target = proc_directory(), .files = files_below("", selection, inventory)},
             Necessity::kRequired,
             "hides other GPUs and keeps libraries from re-creating device nodes"}};
  }
  // Who changes or watches MIG devices needs the driver's own view of them, which changes.
  return {{MaskedTree{.target = proc_directory() / "gpus",
                      .files = files_below("gpus/", selection, inventory)},
           Necessity::kRequired, "hides other GPUs; MIG capabilities stay the driver's own"}};
}

}  // namespace gpuhook::plan
