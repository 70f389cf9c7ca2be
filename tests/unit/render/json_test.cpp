// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gpuhook/gpuhook.h"
#include "support/captured.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using ::testing::EndsWith;
using testing::expect_golden;
using ::testing::HasSubstr;
using testing::sample_inventory;
using testing::value_of;

const Container kFedora{.libraries = LibraryConvention::kLib64, .loader = Loader::kGlibc};

InjectionPlan whole_plan() {
  return value_of(make_plan({.devices = {AllDevices{}}, .capabilities = CapabilitySet::all()},
                            sample_inventory(), kFedora));
}

TEST(PlanAsJson, HasEveryKindOfOp) { expect_golden("plan-all.json", plan_as_json(whole_plan())); }

TEST(PlanAsJson, ShowsNotesOfASmallPlan) {
  expect_golden("plan-utility.json",
                plan_as_json(value_of(make_plan(
                    {.devices = {}, .capabilities = {Capability::kUtility}}, sample_inventory(),
                    {.libraries = LibraryConvention::kLib64, .loader = Loader::kMusl}))));
}

TEST(PlanAsJson, OfNothingHasEveryMember) {
  EXPECT_EQ(plan_as_json({}),
            "{\n  \"gpuhookPlan\": 1,\n  \"driver\": \"\",\n  \"driverRoot\": \"/\",\n  "
            "\"deviceRoot\": \"/\",\n"
            "  \"gpus\": [],\n  \"ops\": [],\n  \"notes\": []\n}\n");
}

TEST(PlanAsJson, GivesEqualBytesForEqualPlans) {
  EXPECT_EQ(plan_as_json(whole_plan()), plan_as_json(whole_plan()));
}

TEST(PlanAsJson, ReplacesBytesThatAreNotUtf8) {
  InjectionPlan plan;
  plan.ops = {{BindFile{HostPath::literal("/lib\xff.so"),
                        ContainerPath::literal("/usr/lib64/\xc3\xa9\xed\xa0\x80")}}};
  plan.notes = {{"a\"\n\x1b", "\x80"}};
  const std::string text = plan_as_json(plan);
  EXPECT_THAT(text, HasSubstr("\"/lib\xef\xbf\xbd.so\""));
  EXPECT_THAT(text, HasSubstr("/usr/lib64/\xc3\xa9\xef\xbf\xbd"));
  EXPECT_THAT(text, HasSubstr("\"a\\\"\\n\\u001b\""));
  EXPECT_FALSE(nlohmann::json::parse(text).is_discarded());
}

TEST(InventoryAsJson, ShowsTheWholeHost) {
  Inventory host = sample_inventory();
  host.gpus[0].problem = "\"/dev/nvidia3\" does not exist in the device root";
  host.gpus[1].mig[2].gpu_instance_access.reset();
  host.gpus[1].mig[2].compute_instance_access.reset();
  expect_golden("inventory.json", inventory_as_json(host));
}

TEST(InventoryAsJson, OfNothingHasEveryMember) {
  EXPECT_EQ(inventory_as_json({}),
            "{\n  \"gpuhookInventory\": 1,\n  \"driver\": \"\",\n  \"cuda\": \"\",\n  "
            "\"driverRoot\": \"/\",\n"
            "  \"deviceRoot\": \"/\",\n  \"gpus\": [],\n  \"controlNodes\": [],\n"
            "  \"driverLibrary\": \"the driver library was not asked\",\n  \"files\": [],\n"
            "  \"absences\": []\n}\n");
}

TEST(InventoryAsJson, ReplacesBytesThatAreNotUtf8) {
  Inventory host;
  host.gpus = {{.uuid = "\xff", .model = "\xc3"}};
  host.files = {{.path = HostPath::literal("/\xff"), .soname = "\xfe"}};
  EXPECT_FALSE(nlohmann::json::parse(inventory_as_json(host)).is_discarded());
}

TEST(Json, EndsWithOneLineEnd) {
  EXPECT_THAT(plan_as_json({}), EndsWith("}\n"));
  EXPECT_THAT(inventory_as_json({}), EndsWith("}\n"));
}

}  // namespace
}  // namespace gpuhook
