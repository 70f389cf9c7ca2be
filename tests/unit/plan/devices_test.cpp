// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/rules.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook::plan {
namespace {

using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using testing::sample_inventory;
using testing::value_of;
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
  return summary(value_of(device_ops(selection, {.capabilities = capabilities}, host, {})));
}

std::vector<std::string> planned(const Selection& selection, const Request& request,
                                 const Inventory& host, const Config& config = {}) {
  return summary(value_of(device_ops(selection, request, host, config)));
}

TEST(DeviceOps, AllowsEveryNodeBeforeBindingAny) {
  Inventory host = sample_inventory();
  host.control_nodes.resize(1);
  EXPECT_EQ(
      value_of(device_ops({.gpus = {0}}, {.capabilities = {kUtility}}, host, {})),
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

TEST(DeviceOps, BindsFromTheDeviceRootToTheUsualPlace) {
  Inventory host = sample_inventory();
  host.device_root = HostPath::literal("/run/nvidia/dev-root");
  for (const PlannedOp& op : value_of(device_ops({.gpus = {0}}, {}, host, {}))) {
    if (const auto* const device = std::get_if<BindDevice>(&op.op)) {
      EXPECT_EQ(device->source.text(), device->target.text());
    }
  }
}

TEST(DeviceOps, AreNoneOnAHostWithoutNodes) { EXPECT_THAT(planned({}, {kUtility}, {}), IsEmpty()); }

Inventory drawing_host() {
  Inventory host = sample_inventory();
  host.gpus[0].drm = {
      {.node = {HostPath::literal("/dev/dri/card1"), {226, 1}}, .role = "card"},
      {.node = {HostPath::literal("/dev/dri/renderD128"), {226, 128}}, .role = "render"}};
  host.gpus[1].drm = {
      {.node = {HostPath::literal("/dev/dri/renderD129"), {226, 129}}, .role = "render"}};
  return host;
}

TEST(DeviceOps, GivesTheSelectedGpusGraphicsNodesToWhoDraws) {
  EXPECT_THAT(planned({.gpus = {0}}, {kGraphics}, drawing_host()),
              ElementsAre("195:255", "195:254?", "195:3", "226:1?", "226:128?", "/dev/nvidiactl",
                          "/dev/nvidia-modeset?", "/dev/nvidia3", "/dev/dri/card1?",
                          "/dev/dri/renderD128?"));
  EXPECT_THAT(planned({.gpus = {1}}, {kDisplay}, drawing_host()),
              ElementsAre("195:255", "195:254?", "195:1", "226:129?", "/dev/nvidiactl",
                          "/dev/nvidia-modeset?", "/dev/nvidia1", "/dev/dri/renderD129?"));
}

TEST(DeviceOps, GivesNobodyElseGraphicsNodes) {
  EXPECT_THAT(planned({.gpus = {0}}, {kCompute, kUtility, kVideo, kNgx}, drawing_host()),
              ::testing::Each(::testing::Not(::testing::HasSubstr("dri"))));
}

Inventory host_with_rights() {
  Inventory host = sample_inventory();
  host.control_nodes.resize(1);
  host.mig_config = DeviceNode{HostPath::literal("/dev/nvidia-caps/nvidia-cap1"), {240, 1}};
  host.mig_monitor = DeviceNode{HostPath::literal("/dev/nvidia-caps/nvidia-cap2"), {240, 2}};
  host.gpus[0].mig_minors = {408, 409};
  host.gpus[1].mig_minors = {12, 13, 14, 21, 22, 30};
  return host;
}

TEST(DeviceOps, AllowsEveryMigDeviceOfTheSelectedGpusToWhoMayCreateThem) {
  const Request request{.capabilities = {kUtility}, .mig_config = true};
  EXPECT_THAT(planned({.gpus = {1}, .mig = {{1, 2}}}, request, host_with_rights()),
              ElementsAre("195:255", "195:1", "240:21", "240:22", "240:1", "240:12", "240:13",
                          "240:14", "240:30", "/dev/nvidiactl", "/dev/nvidia1"));
}

TEST(DeviceOps, AllowsTheNodeOfEachRight) {
  const Request request{.capabilities = {kUtility}, .mig_config = true, .mig_monitor = true};
  EXPECT_THAT(planned({}, request, host_with_rights()),
              ElementsAre("195:255", "240:1", "240:2", "/dev/nvidiactl"));
}

TEST(DeviceOps, RefusesARightThatTheDriverHasNoNodeFor) {
  const Request request{.mig_monitor = true};
  const auto ops = device_ops({}, request, sample_inventory(), {});
  EXPECT_EQ(error_kind(ops), "refused");
  EXPECT_THAT(error_of(ops), ::testing::HasSubstr("the right to watch MIG devices"));
}

Inventory host_with_channels() {
  Inventory host = sample_inventory();
  host.control_nodes.resize(1);
  for (const std::uint32_t channel : {0U, 3U}) {
    host.imex_channels.push_back(
        {HostPath::literal("/dev/nvidia-caps-imex-channels/channel" + std::to_string(channel)),
         {507, channel}});
  }
  return host;
}

TEST(DeviceOps, GivesTheImexChannelsAskedFor) {
  EXPECT_THAT(
      planned({}, Request{.capabilities = {kUtility}, .imex_channels = {3}}, host_with_channels()),
      ElementsAre("195:255", "507:3", "/dev/nvidiactl", "/dev/nvidia-caps-imex-channels/channel3"));
}

TEST(DeviceOps, RefusesAnImexChannelThatDoesNotExist) {
  const auto ops = device_ops({}, {.imex_channels = {0, 1}}, host_with_channels(), {});
  EXPECT_EQ(error_kind(ops), "not-found");
  EXPECT_THAT(error_of(ops), ::testing::HasSubstr("IMEX channel 1 does not exist on this host"));
}

TEST(DeviceOps, GivesTheNodesOfFeaturesAskedFor) {
  Inventory host = sample_inventory();
  host.control_nodes.resize(1);
  host.feature_nodes = {
      {Feature::kGds, {HostPath::literal("/dev/nvidia-fs0"), {500, 0}}},
      {Feature::kGdrcopy, {HostPath::literal("/dev/gdrdrv"), {501, 0}}},
      {Feature::kMofed, {HostPath::literal("/dev/infiniband/uverbs0"), {231, 192}}}};
  EXPECT_THAT(planned({}, Request{.capabilities = {kUtility}, .features = {Feature::kGds}}, host),
              ElementsAre("195:255", "500:0?", "/dev/nvidiactl", "/dev/nvidia-fs0?"));
  EXPECT_THAT(planned({}, Request{.capabilities = {kUtility}}, host),
              ElementsAre("195:255", "/dev/nvidiactl"));
}

TEST(DeviceOps, LeaveNodeFilesOutButNotTheirRules) {
  EXPECT_THAT(planned({.gpus = {0}}, Request{.capabilities = {kUtility}}, sample_inventory(),
                      {.leave_out = {Omission::kDeviceNodes}}),
              ElementsAre("195:255", "195:3"));
}

}  // namespace
}  // namespace gpuhook::plan
