// SPDX-License-Identifier: Apache-2.0
// One plan for each device that a CDI specification offers.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/cdi_plan.h"

namespace gpuhook {
namespace {

struct Offer {
  DeviceSelector device;
  std::string uuid;  // empty when unknown
};

bool by_uuid(CdiNaming naming) { return naming != CdiNaming::kIndex; }
bool by_index(CdiNaming naming) { return naming != CdiNaming::kUuid; }

// The MIG devices of a GPU that can be given away, or the GPU itself.
std::vector<Offer> offers_of(const Gpu& gpu) {
  if (!gpu.problem.empty()) return {};
  std::vector<Offer> offers;
  for (std::uint32_t i = 0; i < gpu.mig.size(); ++i) {
    if (gpu.mig[i].problem.empty())
      offers.push_back(
          {.device = MigIndex{.gpu = gpu.index, .instance = i}, .uuid = gpu.mig[i].uuid});
  }
  if (gpu.mig.empty()) offers.push_back({.device = GpuIndex{gpu.index}, .uuid = gpu.uuid});
  return offers;
}

std::vector<std::string> names_of(const Offer& offer, CdiNaming naming, std::vector<Note>& notes) {
  std::vector<std::string> names;
  if (by_index(naming)) names.push_back(text_of(offer.device));
  if (by_uuid(naming) && !offer.uuid.empty()) names.push_back(offer.uuid);
  if (by_uuid(naming) && offer.uuid.empty()) {
    notes.push_back({.what = concat("device ", text_of(offer.device)),
                     .reason = "not offered by UUID, which is not known"});
  }
  return names;
}

using Numbers = std::span<const DeviceNumber>;

bool contains(Numbers numbers, const DeviceNumber& number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

bool contains(Numbers numbers, const MigInstance& mig) {
  return mig.gpu_instance_access && mig.compute_instance_access &&
         contains(numbers, mig.gpu_instance_access->number) &&
         contains(numbers, mig.compute_instance_access->number);
}

}  // namespace

std::string_view name_of(CdiNaming naming) {
  constexpr std::array<std::string_view, 3> kNames{"index", "uuid", "both"};
  return kNames.at(static_cast<std::size_t>(naming));
}

Result<CdiNaming> parse_cdi_naming(std::string_view name) {
  for (const CdiNaming naming : {CdiNaming::kIndex, CdiNaming::kUuid, CdiNaming::kBoth}) {
    if (name == name_of(naming)) return naming;
  }
  return fail(ErrorKind::kBadInput, concat("not a way to name devices: ", in_quotes(name)),
              "use index, uuid or both");
}

Result<CdiPlans> plan_cdi_devices(const Request& request, const Inventory& inventory,
                                  const Container& container, const Config& config,
                                  CdiNaming naming) {
  if (config.leave_out.contains(Omission::kDeviceNodes)) {
    return fail(ErrorKind::kRefused, "device nodes are left out, by which CDI grants devices",
                "take device-nodes out of leave-out");
  }
  CdiPlans plans;
  Request asked = request;
  asked.devices.clear();
  plans.common = TRY(make_plan(asked, inventory, container, config));
  for (const Gpu& gpu : inventory.gpus) {
    for (const Offer& offer : offers_of(gpu)) {
      asked.devices.assign(1, offer.device);
      const InjectionPlan plan = TRY(make_plan(asked, inventory, container, config));
      for (std::string& name : names_of(offer, naming, plans.notes))
        plans.devices.push_back({.name = std::move(name), .plan = plan});
    }
  }
  if (plans.devices.empty()) {
    return fail(ErrorKind::kNotFound,
                plans.notes.empty() ? "the host has no GPU that could be offered"
                                    : "no GPU of the host has a UUID that is known",
                "`gpu-hook info` shows what there is, and what is wrong with it");
  }
  asked.devices.assign(1, AllDevices{});
  InjectionPlan all = TRY(make_plan(asked, inventory, container, config));
  plans.devices.push_back({.name = "all", .plan = std::move(all)});
  return plans;
}

std::vector<DeviceSelector> devices_with(std::span<const DeviceNumber> numbers,
                                         const Inventory& inventory) {
  std::vector<DeviceSelector> devices;
  for (const Gpu& gpu : inventory.gpus) {
    if (!gpu.problem.empty() || !contains(numbers, gpu.node.number)) continue;
    const std::size_t before = devices.size();
    for (std::uint32_t i = 0; i < gpu.mig.size(); ++i) {
      if (contains(numbers, gpu.mig[i]))
        devices.emplace_back(MigIndex{.gpu = gpu.index, .instance = i});
    }
    if (devices.size() == before) devices.emplace_back(GpuIndex{gpu.index});
  }
  return devices;
}

}  // namespace gpuhook
