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

// "195:3" for a rule, "/dev/nvidia3" for a node, with "?" behind optional ones.
std::vector<std::string> summary(const std::vector<PlannedOp>& ops) {
  std::vector<std::string> found;
  for (const PlannedOp& op : ops) {
    std::string text;
    if (const auto* const rule = std::get_if<AllowDevice>(&op.op))
      text = std::to_string(rule->number.major) + ":" + std::to_string(rule->number.minor);
    else
      text = target_of(op.op)->text();
    found.push_back(text + (op.necessity == Necessity::kOptional ? "?" : ""));
  }
  return found;
}

std::vector<std::string> planned(const Selection& selection, CapabilitySet capabilities,
                                 const Inventory& host = sample_inventory()) {
  return summary(device_ops(selection, {.capabilities = capabilities}, host));
}

TEST(DeviceOps, AllowsEveryNodeBeforeBindingAny) {
  Inventory host = sample_inventory();
  host.control_nodes.resize(1);
  EXPECT_EQ(
      device_ops({.gpus = {0}}, {.capabilities = {kUtility}}, host),
      (std::vector<PlannedOp>{
          {AllowDevice{{195, 255}}, Necessity::kRequired, "control node, for utility"},
          {AllowDevice{{195, 3}}, Necessity::kRequired, "GPU 0 at 0000:0a:00.0"},
          {BindDevice{HostPath::literal("/dev/nvidiactl"),
                      ContainerPath::literal("/dev/nvidiactl"),
                      {195, 255}},
           Necessity::kRequired, "control node, for utility"},
          {BindDevice{
               HostPath::literal("/dev/nvidia3"), ContainerPath::literal("/dev/nvidia3"), {195, 3}},
           Necessity::kRequired, "GPU 0 at 0000:0a:00.0"},
      }));
}

TEST(DeviceOps, ChoosesControlNodesByCapability) {
  struct {
    CapabilitySet capabilities;
    std::vector<std::string> expected;
  } const rows[] = {
      {{kUtility}, {"195:255", "/dev/nvidiactl"}},
      {{kNgx}, {"195:255", "/dev/nvidiactl"}},
      {{kCompute},
       {"195:255", "236:0", "236:1?", "/dev/nvidiactl", "/dev/nvidia-uvm",
        "/dev/nvidia-uvm-tools?"}},
      {{kVideo},
       {"195:255", "236:0", "236:1?", "/dev/nvidiactl", "/dev/nvidia-uvm",
        "/dev/nvidia-uvm-tools?"}},
      {{kDisplay}, {"195:255", "195:254?", "/dev/nvidiactl", "/dev/nvidia-modeset?"}},
      {{kGraphics}, {"195:255", "195:254?", "/dev/nvidiactl", "/dev/nvidia-modeset?"}},
      {CapabilitySet::all(),
       {"195:255", "195:254?", "236:0", "236:1?", "/dev/nvidiactl", "/dev/nvidia-modeset?",
        "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools?"}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(planned({}, row.capabilities), row.expected) << row.capabilities.text();
}

TEST(DeviceOps, GivesMigDevicesTheirAccessNodes) {
  EXPECT_THAT(planned({.gpus = {1}, .mig = {{1, 2}}}, {kUtility}),
              ElementsAre("195:255", "195:1", "240:21", "240:22", "/dev/nvidiactl", "/dev/nvidia1",
                          "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"));
}

TEST(DeviceOps, BindsTheNodeOfASharedGpuInstanceOnce) {
  EXPECT_THAT(planned({.gpus = {1}, .mig = {{1, 0}, {1, 1}}}, {kUtility}),
              ElementsAre("195:255", "195:1", "240:12", "240:13", "240:14", "/dev/nvidiactl",
                          "/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap12",
                          "/dev/nvidia-caps/nvidia-cap13", "/dev/nvidia-caps/nvidia-cap14"));
}

TEST(DeviceOps, DoesWithoutAccessNodesOfOldDrivers) {
  Inventory host = sample_inventory();
  host.gpus[1].mig[0].gpu_instance_access.reset();
  host.gpus[1].mig[0].compute_instance_access.reset();
  EXPECT_THAT(planned({.gpus = {1}, .mig = {{1, 0}}}, {kUtility}, host),
              ElementsAre("195:255", "195:1", "/dev/nvidiactl", "/dev/nvidia1"));
}

TEST(DeviceOps, BindsFromTheDeviceRootToTheUsualPlace) {
  Inventory host = sample_inventory();
  host.device_root = HostPath::literal("/run/nvidia/dev-root");
  for (const PlannedOp& op : device_ops({.gpus = {0}}, {}, host)) {
    if (const auto* const device = std::get_if<BindDevice>(&op.op)) {
      EXPECT_EQ(device->source.text(), device->target.text());
    }
  }
}

TEST(DeviceOps, AreNoneOnAHostWithoutNodes) { EXPECT_THAT(planned({}, {kUtility}, {}), IsEmpty()); }

}  // namespace
}  // namespace gpuhook::plan
