// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "gpuhook/gpuhook.h"
#include "support/captured.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using testing::expect_golden;
using testing::sample_inventory;
using testing::value_of;

InjectionPlan whole_plan() {
  return value_of(make_plan({.devices = {AllDevices{}}, .capabilities = CapabilitySet::all()},
                            sample_inventory(),
                            {.libraries = LibraryConvention::kLib64, .loader = Loader::kGlibc}));
}

TEST(PlanAsText, HasOneLineForEachOp) {
  expect_golden("plan-all.txt", plan_as_text(whole_plan(), false));
}

TEST(PlanAsText, ExplainsOpsAndListsWhatIsNotThere) {
  expect_golden("plan-all-explained.txt", plan_as_text(whole_plan(), true));
}

TEST(PlanAsText, SaysThatThereIsNoGpu) {
  EXPECT_EQ(plan_as_text({.driver = sample_inventory().driver}, true),
            "driver 550.54.15 from /, GPUs: none\n");
}

// A name of the host's file system must not be able to forge a line or to steer a terminal.
TEST(PlanAsText, KeepsEveryOpOnOneLineWhateverItsName) {
  InjectionPlan plan;
  plan.ops = {{BindFile{HostPath::literal("/lib\nallow     c 8:0 rw"),
                        ContainerPath::literal("/usr/bin/\x1b[2J")},
               Necessity::kRequired, "a\nb"}};
  plan.notes = {{"x\ny", "z\rz"}};
  const std::string text = plan_as_text(plan, true);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_EQ(text.find_first_of("\x1b\r"), std::string::npos) << text;
}

}  // namespace
}  // namespace gpuhook
