// SPDX-License-Identifier: Apache-2.0
#include "host/device_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fake_host.h"
#include "host/procfs_gpus.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::host {
namespace {

using ::testing::ElementsAre;
using testing::error_kind;
using testing::FakeHost;
using ::testing::IsEmpty;
using testing::require;
using testing::TempTree;

Inventory nodes_of(const FakeHost& host, const TempTree& devices) {
  Inventory inventory;
  require(read_gpus(host.open(), inventory));
  require(read_device_nodes(host.open(), devices.open(), inventory));
  return inventory;
}

Inventory nodes_of(const FakeHost& host) { return nodes_of(host, host.tree()); }

TEST(ReadDeviceNodes, SaysOfEachNodeThatItDoesNotExist) {
  const Inventory inventory = nodes_of(FakeHost::with_driver("550.54.15").add_gpu({.minor = 3}));
  EXPECT_THAT(inventory.control_nodes, IsEmpty());
  EXPECT_THAT(
      inventory.absences,
      ElementsAre(
          Absence{"/dev/nvidiactl", "\"/dev/nvidiactl\" does not exist in the device root"},
          Absence{"/dev/nvidia-modeset",
                  "\"/dev/nvidia-modeset\" does not exist in the device root"},
          Absence{"/dev/nvidia-uvm", "\"/dev/nvidia-uvm\" does not exist in the device root"},
          Absence{"/dev/nvidia-uvm-tools",
                  "\"/dev/nvidia-uvm-tools\" does not exist in the device root"},
          Absence{"GPU 0 at 0000:0a:00.0", "\"/dev/nvidia3\" does not exist in the device root"}));
  EXPECT_EQ(inventory.gpus.at(0).problem, "\"/dev/nvidia3\" does not exist in the device root");
}

TEST(ReadDeviceNodes, SaysWhichNumberAFileShouldHave) {
  FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({.minor = 3});
  host.add_file("/dev/nvidiactl", "")
      .add_directory("/dev/nvidia3")
      .add_link("/dev/nvidia-uvm", "/proc/version");
  host.add_fifo("/dev/nvidia-modeset");
  const Inventory inventory = nodes_of(host);
  EXPECT_THAT(
      inventory.absences,
      ElementsAre(
          Absence{"/dev/nvidiactl", "\"/dev/nvidiactl\" is not character device 195:255"},
          Absence{"/dev/nvidia-modeset", "\"/dev/nvidia-modeset\" is not character device 195:254"},
          Absence{"/dev/nvidia-uvm", "\"/dev/nvidia-uvm\" does not exist in the device root"},
          Absence{"/dev/nvidia-uvm-tools",
                  "\"/dev/nvidia-uvm-tools\" does not exist in the device root"},
          Absence{"GPU 0 at 0000:0a:00.0", "\"/dev/nvidia3\" is not character device 195:3"}));
}

TEST(ReadDeviceNodes, SaysThatUvmIsNotLoaded) {
  FakeHost host = FakeHost::with_driver("550.54.15");
  host.add_file("/proc/devices", "Character devices:\n195 nvidia\n195 nvidiactl\n");
  EXPECT_EQ(nodes_of(host).absences.at(2),
            (Absence{"/dev/nvidia-uvm", "no \"nvidia-uvm\" in \"/proc/devices\""}));
  EXPECT_EQ(nodes_of(host).absences.at(3),
            (Absence{"/dev/nvidia-uvm-tools", "no \"nvidia-uvm\" in \"/proc/devices\""}));
}

TEST(ReadDeviceNodes, KnowsTheMajorNumbersOfEveryDriver) {
  struct {
    std::string_view name, devices, expected;
  } const rows[] = {
      {"driver 550", "195 nvidia\n195 nvidiactl\n", "195:255"},
      {"driver 470", "195 nvidia-frontend\n", "195:255"},
      {"one name only", "195 nvidia\n", "195:255"},
      {"own number of the control node", "195 nvidia\n400 nvidiactl\n", "400:255"},
  };
  for (const auto& row : rows) {
    FakeHost host = FakeHost::with_driver("550.54.15");
    host.add_file("/proc/devices", "Character devices:\n" + std::string(row.devices))
        .add_file("/dev/nvidiactl", "");
    EXPECT_EQ(nodes_of(host).absences.at(0).reason,
              "\"/dev/nvidiactl\" is not character device " + std::string(row.expected))
        << row.name;
  }
}

TEST(ReadDeviceNodes, SaysOfEachMigDeviceWhatItsNodesLack) {
  const FakeHost host = FakeHost::with_driver("550.54.15")
                            .add_gpu({.minor = 1})
                            .add_mig(1, 2, 0, 21, 22)
                            .add_file("/dev/nvidia-caps/nvidia-cap21", "");
  EXPECT_EQ(nodes_of(host).gpus.at(0).mig.at(0).problem,
            "\"/dev/nvidia-caps/nvidia-cap21\" is not character device 240:21");
}

TEST(ReadDeviceNodes, RefusesAMigDeviceWithOneAccessNode) {
  FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({.minor = 1}).add_mig(1, 2, 0, 21, 22);
  host.add_file("/proc/driver/nvidia/capabilities/gpu1/mig/gi2/access", "");
  EXPECT_EQ(nodes_of(host).gpus.at(0).mig.at(0).problem,
            "the driver names only one of its two access nodes");
}

TEST(ReadDeviceNodes, RefusesMigDevicesOfDriversThatGrantAccessByProcFilesOnly) {
  FakeHost host = FakeHost::with_driver("450.51.05").add_gpu({.minor = 1}).add_mig(1, 2, 0, 21, 22);
  host.add_file("/proc/devices", "Character devices:\n195 nvidia\n");
  EXPECT_EQ(nodes_of(host).gpus.at(0).mig.at(0).problem,
            "the driver has no device nodes for MIG access");
}

TEST(ReadDeviceNodes, KeepsAProblemThatWasFoundBefore) {
  Inventory inventory;
  inventory.gpus.resize(1);
  inventory.gpus[0].problem = "unreadable";
  const FakeHost host = FakeHost::with_driver("550.54.15");
  require(read_device_nodes(host.open(), host.open(), inventory));
  EXPECT_EQ(inventory.gpus[0].problem, "unreadable");
  EXPECT_EQ(inventory.absences.back(), (Absence{"GPU 0 at 0000:00:00.0", "unreadable"}));
}

TEST(ReadDeviceNodes, LooksInTheDeviceRootAndNotInTheHosts) {
  FakeHost host = FakeHost::with_driver("550.54.15");
  host.add_file("/dev/nvidiactl", "");
  EXPECT_EQ(nodes_of(host, TempTree()).absences.at(0),
            (Absence{"/dev/nvidiactl", "\"/dev/nvidiactl\" does not exist in the device root"}));
}

TEST(ReadDeviceNodes, NeedsTheKernelsTable) {
  const FakeHost host = FakeHost::without_driver();
  Inventory inventory;
  EXPECT_EQ(error_kind(read_device_nodes(host.open(), host.open(), inventory)), "not-found");
}

TEST(ReadDeviceNodes, TakesNodesWithTheirNumber) {
  FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({.minor = 3});
  const auto make_node = [&](const std::string& path, unsigned major, unsigned minor,
                             mode_t mode = 0666) {
    const std::string node = host.tree().host_path(path);
    return mknod(node.c_str(), S_IFCHR | 0600, makedev(major, minor)) == 0 &&
           chmod(node.c_str(), mode) == 0;
  };
  if (!make_node("/dev/nvidiactl", 195, 255)) GTEST_SKIP() << "mknod needs CAP_MKNOD";
  ASSERT_TRUE(make_node("/dev/nvidia-uvm", 236, 0, 0640));
  ASSERT_TRUE(make_node("/dev/nvidia-uvm-tools", 236, 2));
  ASSERT_TRUE(make_node("/dev/nvidia3", 195, 3));
  const Inventory inventory = nodes_of(host);
  EXPECT_EQ(
      inventory.control_nodes,
      (std::vector<DeviceNode>{{HostPath::literal("/dev/nvidiactl"), {195, 255}},
                               {HostPath::literal("/dev/nvidia-uvm"), {236, 0}, {.mode = 0640}}}));
  EXPECT_EQ(inventory.gpus.at(0).problem, "");
  EXPECT_EQ(inventory.absences.at(1),
            (Absence{"/dev/nvidia-uvm-tools",
                     "\"/dev/nvidia-uvm-tools\" is not character device 236:1"}));
}

}  // namespace
}  // namespace gpuhook::host
