// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/rules.h"
#include "support/printers.h"
#include "support/sample.h"

namespace gpuhook::plan {
namespace {

using ::testing::ElementsAre;
using testing::sample_inventory;

std::vector<std::string> visible(const Selection& selection,
                                 const Inventory& host = sample_inventory()) {
  const std::vector<PlannedOp> ops = proc_ops(selection, {}, host);
  std::vector<std::string> paths;
  for (const ProcFile& file : std::get<MaskedTree>(ops.at(0).op).files) paths.push_back(file.path);
  return paths;
}

TEST(ProcOps, MaskTheDriversDirectory) {
  Inventory host = sample_inventory();
  host.proc.resize(1);
  EXPECT_EQ(proc_ops({}, {}, host),
            (std::vector<PlannedOp>{
                {MaskedTree{ContainerPath::literal("/proc/driver/nvidia"),
                            {{"params", "ModifyDeviceFiles: 0\n"}}},
                 Necessity::kRequired,
                 "hides other GPUs and keeps libraries from re-creating device nodes"}}));
}

TEST(ProcOps, ShowTheSelectedGpusOnly) {
  EXPECT_THAT(visible({}), ElementsAre("params", "version"));
  EXPECT_THAT(visible({.gpus = {0}}),
              ElementsAre("params", "version", "gpus/0000:0a:00.0/information"));
  EXPECT_THAT(visible({.gpus = {0, 1}}),
              ElementsAre("params", "version", "gpus/0000:0a:00.0/information",
                          "gpus/0000:0b:00.0/information"));
}

TEST(ProcOps, ShowTheSelectedMigDevicesOnly) {
  EXPECT_THAT(
      visible({.gpus = {1}, .mig = {{1, 1}}}),
      ElementsAre("params", "version", "gpus/0000:0b:00.0/information",
                  "capabilities/gpu1/mig/gi1/access", "capabilities/gpu1/mig/gi1/ci1/access"));
}

TEST(ProcOps, TellInstancesApartWhoseNumbersBeginAlike) {
  Inventory host = sample_inventory();
  host.proc = {
      {"capabilities/gpu1/mig/gi1/access", ""},     {"capabilities/gpu1/mig/gi12/access", ""},
      {"capabilities/gpu1/mig/gi1/ci0/access", ""}, {"capabilities/gpu1/mig/gi1/ci01/access", ""},
      {"capabilities/gpu11/mig/gi1/access", ""},    {"capabilities/mig/config", ""}};
  EXPECT_THAT(
      visible({.gpus = {1}, .mig = {{1, 0}}}, host),
      ElementsAre("capabilities/gpu1/mig/gi1/access", "capabilities/gpu1/mig/gi1/ci0/access"));
}

TEST(ProcOps, LeaveTheDriversOwnViewToWhoHasRightsOverMig) {
  for (const Request& request : {Request{.mig_config = true}, Request{.mig_monitor = true}}) {
    EXPECT_EQ(
        proc_ops({.gpus = {0}}, request, sample_inventory()),
        (std::vector<PlannedOp>{{MaskedTree{ContainerPath::literal("/proc/driver/nvidia/gpus"),
                                            {{"0000:0a:00.0/information", "Device Minor: 3\n"}}},
                                 Necessity::kRequired,
                                 "hides other GPUs; MIG capabilities stay the driver's own"}}));
  }
}

}  // namespace
}  // namespace gpuhook::plan
