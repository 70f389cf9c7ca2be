// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/rules.h"
#include "support/printers.h"
#include "support/sample.h"

namespace gpuhook::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::sample_inventory;
using enum Capability;

Inventory host_with_extras() {
  Inventory host = sample_inventory();
  host.mig_config = DeviceNode{HostPath::literal("/dev/nvidia-caps/nvidia-cap1"), {240, 1}};
  host.mig_monitor = DeviceNode{HostPath::literal("/dev/nvidia-caps/nvidia-cap2"), {240, 2}};
  host.feature_nodes = {{Feature::kGds, {HostPath::literal("/dev/nvidia-fs0"), {500, 0}}}};
  host.feature_files = {{Feature::kGds, HostPath::literal("/run/udev"), true},
                        {Feature::kGds, HostPath::literal("/etc/cufile.json"), false}};
  host.mps_directory = HostPath::literal("/tmp/nvidia-mps");
  return host;
}

TEST(SharedOps, ShowTheDirectoryOfMigNodesToWhoHasRightsOverMig) {
  const std::vector<PlannedOp> expected{
      {BindDirectory{HostPath::literal("/dev/nvidia-caps"),
                     ContainerPath::literal("/dev/nvidia-caps"), DirectoryUse::kOpenDevices},
       Necessity::kRequired, "nodes of MIG devices, also of those to come"}};
  EXPECT_EQ(shared_ops({.capabilities = {kUtility}, .mig_config = true}, host_with_extras(), {}),
            expected);
  EXPECT_EQ(shared_ops({.capabilities = {kUtility}, .mig_monitor = true}, host_with_extras(), {}),
            expected);
}

TEST(SharedOps, BringTheFilesOfAFeatureWithItsNodes) {
  const Request request{.capabilities = {kUtility}, .features = {Feature::kGds}};
  EXPECT_EQ(shared_ops(request, host_with_extras(), {}),
            (std::vector<PlannedOp>{
                {BindDirectory{HostPath::literal("/run/udev"), ContainerPath::literal("/run/udev"),
                               DirectoryUse::kRead},
                 Necessity::kOptional, "feature gds"},
                {BindFile{HostPath::literal("/etc/cufile.json"),
                          ContainerPath::literal("/etc/cufile.json")},
                 Necessity::kOptional, "feature gds"}}));
  Inventory without_nodes = host_with_extras();
  without_nodes.feature_nodes.clear();
  EXPECT_THAT(shared_ops(request, without_nodes, {}), IsEmpty());
}

TEST(SharedOps, ShareThePipesOfTheMultiProcessServiceForCompute) {
  EXPECT_THAT(shared_ops({.capabilities = {kCompute}}, host_with_extras(), {}),
              ElementsAre(PlannedOp{
                  BindDirectory{HostPath::literal("/tmp/nvidia-mps"),
                                ContainerPath::literal("/tmp/nvidia-mps"), DirectoryUse::kWrite},
                  Necessity::kOptional, "pipes of the multi-process service, for compute"}));
}

TEST(SharedOps, LeaveTheDirectoryOfNodesOutWithTheNodes) {
  EXPECT_THAT(shared_ops({.capabilities = {kUtility}, .mig_config = true}, host_with_extras(),
                         {.leave_out = {Omission::kDeviceNodes}}),
              IsEmpty());
}

TEST(SharedOps, AreNoneUnlessAskedFor) {
  EXPECT_THAT(shared_ops({.capabilities = {kUtility, kGraphics}}, host_with_extras(), {}),
              IsEmpty());
  EXPECT_THAT(shared_ops({.capabilities = CapabilitySet::all()}, sample_inventory(), {}),
              IsEmpty());
}

}  // namespace
}  // namespace gpuhook::plan
