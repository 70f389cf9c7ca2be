// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "plan/rules.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook::plan {

void PrintTo(const SelectedMig& mig, std::ostream* out) { *out << mig.gpu << ":" << mig.instance; }

namespace {

using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using testing::kFirstUuid;
using testing::kSecondUuid;
using testing::sample_inventory;
using testing::value_of;

Result<Selection> select(std::vector<DeviceSelector> devices,
                         const Inventory& host = sample_inventory()) {
  return select_devices({.devices = std::move(devices)}, host);
}

TEST(SelectDevices, TakesNothingWhenNothingIsAskedFor) {
  EXPECT_EQ(value_of(select({})), Selection());
}

TEST(SelectDevices, TakesEveryGpuAndEveryMigDeviceForAll) {
  const Selection selection = value_of(select({AllDevices{}}));
  EXPECT_THAT(selection.gpus, ElementsAre(0, 1));
  EXPECT_THAT(selection.mig, ElementsAre(SelectedMig{1, 0}, SelectedMig{1, 1}, SelectedMig{1, 2}));
  EXPECT_THAT(selection.notes, IsEmpty());
}

TEST(SelectDevices, FindsAGpuByEachOfItsNames) {
  const DeviceSelector names[] = {GpuIndex{1}, GpuUuid{kSecondUuid}, PciAddress{.bus = 0x0b}};
  for (const DeviceSelector& name : names) {
    const Selection selection = value_of(select({name}));
    EXPECT_THAT(selection.gpus, ElementsAre(1)) << text_of(name);
    EXPECT_THAT(selection.mig, IsEmpty()) << text_of(name);
  }
}

TEST(SelectDevices, CountsByIndexAndNotByMinor) {
  EXPECT_THAT(value_of(select({GpuIndex{0}})).gpus, ElementsAre(0));
  EXPECT_EQ(error_kind(select({GpuIndex{3}})), "not-found");
}

TEST(SelectDevices, SortsAndMergesNamesOfOneGpu) {
  EXPECT_THAT(
      value_of(select({GpuIndex{1}, GpuUuid{kFirstUuid}, PciAddress{.bus = 0x0b}, GpuIndex{0}}))
          .gpus,
      ElementsAre(0, 1));
}

TEST(SelectDevices, TakesTheGpuOfAMigDeviceWithIt) {
  const Selection selection = value_of(select({MigIndex{1, 2}, MigIndex{1, 0}, MigIndex{1, 2}}));
  EXPECT_THAT(selection.gpus, ElementsAre(1));
  EXPECT_THAT(selection.mig, ElementsAre(SelectedMig{1, 0}, SelectedMig{1, 2}));
}

TEST(SelectDevices, NamesTheDeviceThatTheHostLacks) {
  const std::string remedy = "; `gpu-hook info` lists the devices of this host";
  struct {
    DeviceSelector device;
    std::string expected;
  } const rows[] = {
      {GpuIndex{2}, "\"2\": unknown device, the host has 2 GPUs"},
      {PciAddress{.bus = 0x0c}, "\"0000:0c:00.0\": unknown device, the host has 2 GPUs"},
      {GpuUuid{"GPU-00000000-0000-0000-0000-00000000000c"},
       "\"GPU-00000000-0000-0000-0000-00000000000c\": unknown device, the host has 2 GPUs"},
      {MigIndex{1, 3}, "\"1:3\": unknown device, GPU 1 has 3 MIG devices"},
      {MigIndex{0, 0}, "\"0:0\": unknown device, GPU 0 has 0 MIG devices"},
      {MigIndex{2, 0}, "\"2:0\": unknown device, the host has 2 GPUs"},
      {MigUuid{"MIG-00000000-0000-0000-0000-00000000000a"},
       "\"MIG-00000000-0000-0000-0000-00000000000a\": unknown device, and only the driver library "
       "knows it: the driver library was not asked"},
      {MigPath{kSecondUuid, 1, 7},
       concat("\"MIG-", kSecondUuid,
              "/1/7\": unknown device, no GPU of this host has such a MIG "
              "device")},
      {MigPath{kFirstUuid, 1, 0},
       concat("\"MIG-", kFirstUuid,
              "/1/0\": unknown device, no GPU of this host has such a MIG "
              "device")},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_of(select({row.device})), row.expected + remedy);
    EXPECT_EQ(error_kind(select({row.device})), "not-found");
  }
}

TEST(SelectDevices, CountsOneGpuInTheSingular) {
  Inventory host = sample_inventory();
  host.gpus.pop_back();
  EXPECT_EQ(
      error_of(select({GpuIndex{1}}, host)),
      "\"1\": unknown device, the host has 1 GPU; `gpu-hook info` lists the devices of this host");
}

TEST(SelectDevices, FailsForOneMissingDeviceAmongPresentOnes) {
  EXPECT_EQ(error_kind(select({GpuIndex{0}, GpuIndex{7}})), "not-found");
}

TEST(SelectDevices, SaysThatUuidsAreNotReadYet) {
  Inventory host = sample_inventory();
  host.gpus[0].uuid.clear();
  EXPECT_EQ(error_of(select({GpuUuid{kFirstUuid}}, host)),
            "\"" + kFirstUuid +
                "\": unknown device, the driver has not read the UUIDs yet; run "
                "nvidia-persistenced on the host, or name the GPU by index or PCI address");
  EXPECT_THAT(value_of(select({GpuUuid{kSecondUuid}}, host)).gpus, ElementsAre(1));
}

TEST(SelectDevices, NeverTakesAGpuWithoutUuidForAnEmptyName) {
  Inventory host = sample_inventory();
  host.gpus[0].uuid.clear();
  EXPECT_EQ(error_kind(select({GpuUuid{kFirstUuid.substr(0, 39)}}, host)), "not-found");
}

TEST(SelectDevices, RefusesAGpuWhoseNodeIsUnusable) {
  Inventory host = sample_inventory();
  host.gpus[0].problem = "\"/dev/nvidia3\" does not exist in the device root";
  EXPECT_EQ(error_of(select({GpuIndex{0}}, host)),
            "GPU 0 cannot be given away: \"/dev/nvidia3\" does not exist in the device root; "
            "create the node "
            "on the host: `nvidia-modprobe -c 3`, or run nvidia-smi there once");
  EXPECT_EQ(error_kind(select({GpuIndex{0}}, host)), "refused");
  EXPECT_TRUE(select({GpuIndex{1}}, host));
}

TEST(SelectDevices, LeavesUnusableDevicesOutOfAll) {
  Inventory host = sample_inventory();
  host.gpus[0].problem = "no node";
  host.gpus[1].mig[1].problem = "no access node";
  const Selection selection = value_of(select({AllDevices{}}, host));
  EXPECT_THAT(selection.gpus, ElementsAre(1));
  EXPECT_THAT(selection.mig, ElementsAre(SelectedMig{1, 0}, SelectedMig{1, 2}));
  EXPECT_THAT(selection.notes,
              ElementsAre(Note{"GPU 0", "no node"}, Note{"MIG device 1:1", "no access node"}));
}

TEST(SelectDevices, RefusesAMigDeviceWhoseNodesAreUnusable) {
  Inventory host = sample_inventory();
  host.gpus[1].mig[1].problem = "no access node";
  EXPECT_EQ(
      error_of(select({MigIndex{1, 1}}, host)),
      "MIG device 1:1 cannot be given away: no access node; run nvidia-smi on the host once, which "
      "creates the nodes");
  EXPECT_TRUE(select({MigIndex{1, 0}}, host));
}

TEST(SelectDevices, RefusesAMigDeviceOfAnUnusableGpu) {
  Inventory host = sample_inventory();
  host.gpus[1].problem = "no node";
  EXPECT_EQ(error_kind(select({MigIndex{1, 0}}, host)), "refused");
}

TEST(SelectDevices, NotesThatAHostWithoutGpusHasNone) {
  Inventory host = sample_inventory();
  host.gpus.clear();
  EXPECT_THAT(value_of(select({AllDevices{}}, host)).notes,
              ElementsAre(Note{"GPUs", "all were asked for and the host has none"}));
  EXPECT_THAT(value_of(select({}, host)).notes, IsEmpty());
}

const std::string kMigUuid = "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";

Inventory answered_host() {
  Inventory host = sample_inventory();
  host.unanswered.clear();
  host.gpus[1].mig[2].uuid = kMigUuid;
  return host;
}

TEST(SelectDevices, FindsAMigDeviceByUuidWithItsGpu) {
  const Selection selection = value_of(select({MigUuid{kMigUuid}}, answered_host()));
  EXPECT_THAT(selection.gpus, ElementsAre(1));
  EXPECT_THAT(selection.mig, ElementsAre(SelectedMig{1, 2}));
}

TEST(SelectDevices, FindsAMigDeviceByTheNamesOfOldDriversWithoutAskingAnybody) {
  const Selection selection = value_of(select({MigPath{kSecondUuid, 1, 1}}));
  EXPECT_THAT(selection.gpus, ElementsAre(1));
  EXPECT_THAT(selection.mig, ElementsAre(SelectedMig{1, 1}));
}

TEST(SelectDevices, SaysWhyAMigUuidIsUnknown) {
  Inventory host = answered_host();
  const MigUuid other{"MIG-00000000-0000-0000-0000-00000000000b"};
  EXPECT_THAT(error_of(select({other}, host)),
              ::testing::HasSubstr("no MIG device of this host has this UUID"));
  host.unanswered = "the driver library did not answer within 5000 ms";
  EXPECT_THAT(error_of(select({other}, host)),
              ::testing::HasSubstr("the driver library did not answer within 5000 ms"));
}

TEST(SelectDevices, RefusesAMigDeviceByUuidThatCannotBeGivenAway) {
  Inventory host = answered_host();
  host.gpus[1].mig[2].problem = "its node is missing";
  EXPECT_THAT(error_of(select({MigUuid{kMigUuid}}, host)),
              ::testing::HasSubstr("cannot be given away: its node is missing"));
}

}  // namespace
}  // namespace gpuhook::plan
