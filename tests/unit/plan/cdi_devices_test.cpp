// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gpuhook/cdi_plan.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using testing::kFirstUuid;
using testing::kSecondUuid;
using testing::sample_inventory;
using testing::value_of;
using enum CdiNaming;

const Container kDebian{.libraries = LibraryConvention::kMultiarch};

CdiPlans plans_for(const Inventory& host, CdiNaming naming = kIndex, const Request& request = {}) {
  return value_of(plan_cdi_devices(request, host, kDebian, {}, naming));
}

std::vector<std::string> names_in(const CdiPlans& plans) {
  std::vector<std::string> names;
  for (const NamedPlan& device : plans.devices) names.push_back(device.name);
  return names;
}

// Without the GPU that is divided.
Inventory host_without_mig() {
  Inventory host = sample_inventory();
  host.gpus[1].mig.clear();
  return host;
}

TEST(CdiNaming, HasNames) {
  for (const auto& [naming, name] :
       {std::pair(kIndex, "index"), std::pair(kUuid, "uuid"), std::pair(kBoth, "both")}) {
    EXPECT_EQ(name_of(naming), name);
    EXPECT_EQ(value_of(parse_cdi_naming(name)), naming);
  }
  for (const std::string_view wrong : {"", "Index", "type-index", "index,uuid", "uuid "}) {
    EXPECT_EQ(error_kind(parse_cdi_naming(wrong)), "bad-input") << wrong;
  }
  EXPECT_EQ(error_of(parse_cdi_naming("name")),
            "not a way to name devices: \"name\"; use index, uuid or both");
}

TEST(PlanCdiDevices, NamesGpusAsAskedFor) {
  EXPECT_THAT(names_in(plans_for(host_without_mig(), kIndex)), ElementsAre("0", "1", "all"));
  EXPECT_THAT(names_in(plans_for(host_without_mig(), kUuid)),
              ElementsAre(kFirstUuid, kSecondUuid, "all"));
  EXPECT_THAT(names_in(plans_for(host_without_mig(), kBoth)),
              ElementsAre("0", kFirstUuid, "1", kSecondUuid, "all"));
  EXPECT_THAT(plans_for(host_without_mig(), kBoth).notes, IsEmpty());
}

TEST(PlanCdiDevices, OffersADividedGpuByItsMigDevicesOnly) {
  Inventory host = sample_inventory();
  EXPECT_THAT(names_in(plans_for(host)), ElementsAre("0", "1:0", "1:1", "1:2", "all"));
  const std::string uuid = "MIG-00000000-0000-0000-0000-00000000000c";
  host.gpus[1].mig[1].uuid = uuid;
  host.gpus[1].mig[0].problem = "no node";
  EXPECT_THAT(names_in(plans_for(host, kBoth)),
              ElementsAre("0", kFirstUuid, "1:1", uuid, "1:2", "all"));
}

TEST(PlanCdiDevices, NotesWhatHasNoUuid) {
  Inventory host = sample_inventory();
  host.gpus[0].uuid.clear();
  host.gpus[1].mig.resize(1);
  const std::vector<Note> expected{
      {.what = "device 0", .reason = "not offered by UUID, which is not known"},
      {.what = "device 1:0", .reason = "not offered by UUID, which is not known"}};
  EXPECT_EQ(plans_for(host, kBoth).notes, expected);
  EXPECT_THAT(names_in(plans_for(host, kBoth)), ElementsAre("0", "1:0", "all"));
  EXPECT_THAT(plans_for(host, kIndex).notes, IsEmpty());
  EXPECT_EQ(error_kind(plan_cdi_devices({}, host, kDebian, {}, kUuid)), "not-found");
}

TEST(PlanCdiDevices, OffersNoGpuWithAProblem) {
  Inventory host = host_without_mig();
  host.gpus[0].problem = "no node";
  EXPECT_THAT(names_in(plans_for(host)), ElementsAre("1", "all"));
  EXPECT_THAT(plans_for(host).devices.back().plan.gpus, ElementsAre(1));
}

TEST(PlanCdiDevices, OffersNoDividedGpuWithoutAUsableMigDevice) {
  Inventory host = sample_inventory();
  for (MigInstance& mig : host.gpus[1].mig) mig.problem = "no node";
  EXPECT_THAT(names_in(plans_for(host)), ElementsAre("0", "all"));
}

TEST(PlanCdiDevices, RefusesAHostThatHasNothingToOffer) {
  Inventory host = sample_inventory();
  host.gpus[0].problem = "no node";
  host.gpus[1].problem = "no node";
  for (const bool empty : {false, true}) {
    if (empty) host.gpus.clear();
    const auto refused = plan_cdi_devices({}, host, kDebian, {}, kIndex);
    EXPECT_EQ(error_kind(refused), "not-found");
    EXPECT_EQ(error_of(refused),
              "the host has no GPU that could be offered; `gpu-hook info` shows what there is, and "
              "what is wrong with it");
  }
}

TEST(PlanCdiDevices, PlansEachDeviceAsAContainerThatAsksForIt) {
  const Inventory host = sample_inventory();
  const Request request{.capabilities = CapabilitySet::all(), .everything = true};
  const auto plan_for = [&](std::vector<DeviceSelector> devices) {
    Request with = request;
    with.devices = std::move(devices);
    return value_of(make_plan(with, host, kDebian));
  };
  const CdiPlans plans = plans_for(host, kIndex, request);
  EXPECT_EQ(plans.common, plan_for({}));
  EXPECT_EQ(plans.devices,
            (std::vector<NamedPlan>{{.name = "0", .plan = plan_for({GpuIndex{0}})},
                                    {.name = "1:0", .plan = plan_for({MigIndex{1, 0}})},
                                    {.name = "1:1", .plan = plan_for({MigIndex{1, 1}})},
                                    {.name = "1:2", .plan = plan_for({MigIndex{1, 2}})},
                                    {.name = "all", .plan = plan_for({AllDevices{}})}}));
}

TEST(PlanCdiDevices, GivesBothNamesOfADeviceTheSamePlan) {
  const CdiPlans plans = plans_for(host_without_mig(), kBoth);
  EXPECT_EQ(plans.devices[0].plan, plans.devices[1].plan);
  EXPECT_NE(plans.devices[0].plan, plans.devices[2].plan);
}

TEST(PlanCdiDevices, HeedsTheDevicesOfNoRequest) {
  const CdiPlans plans = plans_for(sample_inventory(), kIndex, {.devices = {GpuIndex{7}}});
  EXPECT_EQ(plans.common, plans_for(sample_inventory()).common);
  EXPECT_EQ(plans.devices, plans_for(sample_inventory()).devices);
}

TEST(PlanCdiDevices, RefusesToLeaveNodesOut) {
  Config config;
  config.leave_out = {Omission::kDeviceNodes};
  EXPECT_EQ(error_kind(plan_cdi_devices({}, sample_inventory(), kDebian, config, kIndex)),
            "refused");
}

TEST(PlanCdiDevices, FailsWherePlanningDoes) {
  EXPECT_EQ(error_kind(plan_cdi_devices({.requirements = {"cuda>=99"}}, sample_inventory(), kDebian,
                                        {}, kIndex)),
            "unmet-requirement");
  Inventory host = sample_inventory();
  host.control_nodes.clear();
  EXPECT_EQ(error_kind(plan_cdi_devices({}, host, kDebian, {}, kIndex)), "no-driver");
}

}  // namespace
}  // namespace gpuhook
