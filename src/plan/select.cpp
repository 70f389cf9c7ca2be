// SPDX-License-Identifier: Apache-2.0
// From device names to the devices of this host.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/try.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

tl::unexpected<Error> unknown(const DeviceSelector& selector, std::string_view why) {
  return fail(ErrorKind::kNotFound, concat(in_quotes(text_of(selector)), ": unknown device, ", why),
              "`gpu-hook info` lists the devices of this host");
}

std::string count_of(const std::vector<Gpu>& gpus) {
  return concat("the host has ", gpus.size(), gpus.size() == 1 ? " GPU" : " GPUs");
}

// Collects what one selector after another picks.
class Selector {
 public:
  explicit Selector(const Inventory& inventory) : inventory_(inventory) {}

  Status operator()(const AllDevices& /*all*/) {
    for (const Gpu& gpu : inventory_.gpus) {
      // Who asks for all wants those that work; one broken GPU must not stop every container.
      if (!gpu.problem.empty()) {
        notes_.push_back({.what = concat("GPU ", gpu.index), .reason = gpu.problem});
        continue;
      }
      gpus_.insert(gpu.index);
      for (std::uint32_t i = 0; i < gpu.mig.size(); ++i) {
        if (gpu.mig[i].problem.empty()) {
          mig_.insert({.gpu = gpu.index, .instance = i});
        } else {
          notes_.push_back(
              {.what = concat("MIG device ", gpu.index, ":", i), .reason = gpu.mig[i].problem});
        }
      }
    }
    return {};
  }
  Status operator()(const GpuIndex& wanted) {
    if (wanted.index < inventory_.gpus.size()) return take(inventory_.gpus[wanted.index]);
    return unknown(wanted, count_of(inventory_.gpus));
  }
  Status operator()(const GpuUuid& wanted) {
    const auto& gpus = inventory_.gpus;
    const auto found = std::find_if(gpus.begin(), gpus.end(),
                                    [&](const Gpu& gpu) { return gpu.uuid == wanted.uuid; });
    if (found != gpus.end()) return take(*found);
    const bool unnamed =
        std::any_of(gpus.begin(), gpus.end(), [](const Gpu& gpu) { return gpu.uuid.empty(); });
    if (!unnamed) return unknown(wanted, count_of(gpus));
    return fail(
        ErrorKind::kNotFound,
        concat(in_quotes(wanted.uuid), ": unknown device, the driver has not read the UUIDs yet"),
        "run nvidia-persistenced on the host, or name the GPU by index or PCI address");
  }
  Status operator()(const PciAddress& wanted) {
    const auto& gpus = inventory_.gpus;
    const auto found =
        std::find_if(gpus.begin(), gpus.end(), [&](const Gpu& gpu) { return gpu.pci == wanted; });
    return found != gpus.end() ? take(*found) : Status(unknown(wanted, count_of(gpus)));
  }
  Status operator()(const MigUuid& wanted) {
    const auto found = find_mig(
        [&](const Gpu& /*gpu*/, const MigInstance& mig) { return mig.uuid == wanted.uuid; });
    if (found) return take_mig(*found, wanted.uuid);
    const std::string& why = inventory_.unanswered;
    return unknown(wanted, why.empty() ? "no MIG device of this host has this UUID"
                                       : concat("and only the driver library knows it: ", why));
  }
  Status operator()(const MigPath& wanted) {
    const auto found = find_mig([&](const Gpu& gpu, const MigInstance& mig) {
      return gpu.uuid == wanted.gpu_uuid && mig.gpu_instance == wanted.gpu_instance &&
             mig.compute_instance == wanted.compute_instance;
    });
    if (found) return take_mig(*found, text_of(wanted));
    return unknown(wanted, "no GPU of this host has such a MIG device");
  }
  Status operator()(const MigIndex& wanted) {
    if (wanted.gpu >= inventory_.gpus.size()) return unknown(wanted, count_of(inventory_.gpus));
    const Gpu& gpu = inventory_.gpus[wanted.gpu];
    if (wanted.instance >= gpu.mig.size()) {
      return unknown(wanted, concat("GPU ", wanted.gpu, " has ", gpu.mig.size(), " MIG devices"));
    }
    return take_mig({.gpu = wanted.gpu, .instance = wanted.instance}, text_of(wanted));
  }

  Selection take_selection() && {
    return {.gpus = {gpus_.begin(), gpus_.end()},
            .mig = {mig_.begin(), mig_.end()},
            .notes = std::move(notes_)};
  }

 private:
  template <class Predicate>
  std::optional<SelectedMig> find_mig(Predicate matches) const {
    for (const Gpu& gpu : inventory_.gpus) {
      for (std::uint32_t i = 0; i < gpu.mig.size(); ++i) {
        if (matches(gpu, gpu.mig[i])) return SelectedMig{.gpu = gpu.index, .instance = i};
      }
    }
    return std::nullopt;
  }

  // A MIG device needs its GPU's node, too.
  Status take_mig(const SelectedMig& selected, std::string_view name) {
    const Gpu& gpu = inventory_.gpus[selected.gpu];
    const std::string& problem = gpu.mig[selected.instance].problem;
    if (!problem.empty()) {
      return fail(ErrorKind::kRefused,
                  concat("MIG device ", name, " cannot be given away: ", problem),
                  "run nvidia-smi on the host once, which creates the nodes");
    }
    TRY(take(gpu));
    mig_.insert(selected);
    return {};
  }

  Status take(const Gpu& gpu) {
    if (!gpu.problem.empty()) {
      return fail(ErrorKind::kRefused,
                  concat("GPU ", gpu.index, " cannot be given away: ", gpu.problem),
                  concat("create the node on the host: `nvidia-modprobe -c ", gpu.minor,
                         "`, or run nvidia-smi there once"));
    }
    gpus_.insert(gpu.index);
    return {};
  }

  const Inventory& inventory_;
  std::set<std::uint32_t> gpus_;
  std::set<SelectedMig> mig_;
  std::vector<Note> notes_;
};

// CUDA finds nothing on a GPU in MIG mode without one of its MIG devices.
void note_unasked_mig(Selection& selection, const Inventory& inventory) {
  for (const std::uint32_t index : selection.gpus) {
    const bool asked = std::any_of(selection.mig.begin(), selection.mig.end(),
                                   [index](const SelectedMig& mig) { return mig.gpu == index; });
    if (asked || inventory.gpus[index].mig.empty()) continue;
    selection.notes.push_back(
        {.what = concat("MIG devices of GPU ", index),
         .reason = concat("not asked for: the GPU is in MIG mode, name ", index, ":0 and so on")});
  }
}

}  // namespace

Result<Selection> select_devices(const Request& request, const Inventory& inventory) {
  Selector selector(inventory);
  for (const DeviceSelector& device : request.devices) TRY(std::visit(selector, device));
  Selection selection = std::move(selector).take_selection();
  note_unasked_mig(selection, inventory);
  if (!request.devices.empty() && selection.gpus.empty()) {
    selection.notes.push_back(
        {.what = "GPUs", .reason = "all were asked for and the host has none"});
  }
  return selection;
}

}  // namespace gpuhook::plan
