// SPDX-License-Identifier: Apache-2.0
#include "host/procfs_gpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "fake_host.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::host {
namespace {

using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using testing::FakeHost;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::require;
using ::testing::SizeIs;
using testing::value_of;

Inventory gpus_of(const FakeHost& host) {
  Inventory inventory;
  require(read_gpus(host.open(), inventory));
  return inventory;
}

std::vector<std::string> proc_paths(const FakeHost& host) {
  Inventory inventory = gpus_of(host);
  read_proc_files(host.open(), inventory);
  std::vector<std::string> paths;
  for (const ProcFile& file : inventory.proc) paths.push_back(file.path);
  return paths;
}

DeviceNode caps_node(std::uint32_t minor) {
  return {.path = HostPath::literal(concat("/dev/nvidia-caps/nvidia-cap", minor)),
          .number = {240, minor}};
}

TEST(ReadModuleVersion, ReadsTheVersionOfTheLoadedModule) {
  const FakeHost host = FakeHost::with_driver("550.54.15");
  EXPECT_EQ(value_of(read_module_version(host.open())).text(), "550.54.15");
}

TEST(ReadModuleVersion, SaysThatTheModuleIsNotLoaded) {
  const FakeHost host = FakeHost::without_driver();
  EXPECT_EQ(error_of(read_module_version(host.open())),
            "the NVIDIA kernel module is not loaded (no \"/proc/driver/nvidia/version\"); install "
            "the driver or "
            "run `modprobe nvidia` on the host");
  EXPECT_EQ(error_kind(read_module_version(host.open())), "no-driver");
}

TEST(ReadGpus, ReadsEverythingAboutAGpu) {
  const FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({.minor = 3});
  EXPECT_EQ(gpus_of(host).gpus,
            (std::vector<Gpu>{{.index = 0,
                               .minor = 3,
                               .pci = {.bus = 0x0a},
                               .uuid = "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
                               .model = "NVIDIA H100 80GB HBM3",
                               .node = {HostPath::literal("/dev/nvidia3"), {195, 3}}}}));
}

TEST(ReadGpus, CountsInBusOrderWhateverTheMinors) {
  const FakeHost host = FakeHost::with_driver("550.54.15")
                            .add_gpu({.minor = 0, .pci = "0000:c1:00.0"})
                            .add_gpu({.minor = 2, .pci = "0000:0a:00.0"})
                            .add_gpu({.minor = 1, .pci = "0001:01:00.0"});
  const Inventory inventory = gpus_of(host);
  ASSERT_THAT(inventory.gpus, SizeIs(3));
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(inventory.gpus[i].index, i);
  EXPECT_EQ(inventory.gpus[0].minor, 2U);
  EXPECT_EQ(inventory.gpus[1].minor, 0U);
  EXPECT_EQ(inventory.gpus[2].minor, 1U);
}

TEST(ReadGpus, LeavesExcludedGpusOutAndSaysSo) {
  const FakeHost host = FakeHost::with_driver("550.54.15")
                            .add_gpu({.minor = 0, .pci = "0000:0a:00.0", .excluded = true})
                            .add_gpu({.minor = 1, .pci = "0000:0b:00.0"});
  const Inventory inventory = gpus_of(host);
  ASSERT_THAT(inventory.gpus, SizeIs(1));
  EXPECT_EQ(inventory.gpus[0].index, 0U);
  EXPECT_EQ(inventory.gpus[0].minor, 1U);
  EXPECT_THAT(inventory.absences,
              ElementsAre(Absence{"GPU 0000:0a:00.0", "excluded by the driver's configuration"}));
}

TEST(ReadGpus, TakesTheMajorNumberUnderAnyOfItsNames) {
  struct {
    std::string_view line;
    std::uint32_t major;
  } const rows[] = {{"195 nvidia", 195}, {"195 nvidia-frontend", 195}, {"511 nvidia", 511}};
  for (const auto& row : rows) {
    FakeHost host = FakeHost::with_driver("450.51.05").add_gpu({.minor = 7});
    host.add_file("/proc/devices", concat("Character devices:\n", row.line, "\n"));
    EXPECT_EQ(gpus_of(host).gpus.at(0).node.number, (DeviceNumber{row.major, 7})) << row.line;
  }
}

TEST(ReadGpus, NeedsARegisteredMajorNumber) {
  FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({});
  host.add_file("/proc/devices", "Character devices:\n  1 mem\n\nBlock devices:\n195 nvidia\n");
  Inventory inventory;
  EXPECT_EQ(error_of(read_gpus(host.open(), inventory)),
            "no character device \"nvidia\" in \"/proc/devices\"");
}

TEST(ReadGpus, FindsNoneWhereTheModuleHasNone) {
  const Inventory inventory = gpus_of(FakeHost::with_driver("550.54.15"));
  EXPECT_THAT(inventory.gpus, IsEmpty());
  EXPECT_THAT(inventory.absences, IsEmpty());
}

TEST(ReadGpus, KeepsAGpuItCannotReadInItsPlaceWithTheReason) {
  FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({.minor = 1, .pci = "0000:0b:00.0"});
  host.add_file("/proc/driver/nvidia/gpus/0000:0a:00.0/information", "Model: x\n");
  const Inventory inventory = gpus_of(host);
  ASSERT_THAT(inventory.gpus, SizeIs(2));
  EXPECT_EQ(inventory.gpus[0].pci, (PciAddress{.bus = 0x0a}));
  EXPECT_EQ(inventory.gpus[0].problem,
            "reading /proc/driver/nvidia/gpus/0000:0a:00.0/information: GPU information without "
            "\"Bus Location\"");
  EXPECT_EQ(inventory.gpus[1].index, 1U);
  EXPECT_EQ(inventory.gpus[1].problem, "");
}

TEST(ReadGpus, SkipsDirectoriesThatAreNoPciAddress) {
  FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({});
  host.add_directory("/proc/driver/nvidia/gpus/other");
  EXPECT_THAT(gpus_of(host).gpus, SizeIs(1));
}

TEST(ReadGpus, KnowsAGpuWithoutUuid) {
  const FakeHost host =
      FakeHost::with_driver("550.54.15").add_gpu({.uuid = "GPU-" + std::string(8, '?') + "-x"});
  EXPECT_EQ(gpus_of(host).gpus.at(0).uuid, "");
}

TEST(ReadGpus, OrdersMigInstancesByNumber) {
  const FakeHost host = FakeHost::with_driver("550.54.15")
                            .add_gpu({.minor = 1})
                            .add_mig(1, 10, 0, 93, 94)
                            .add_mig(1, 2, 1, 21, 23)
                            .add_mig(1, 2, 0, 21, 22);
  EXPECT_EQ(gpus_of(host).gpus.at(0).mig,
            (std::vector<MigInstance>{{2, 0, "", caps_node(21), caps_node(22)},
                                      {2, 1, "", caps_node(21), caps_node(23)},
                                      {10, 0, "", caps_node(93), caps_node(94)}}));
}

TEST(ReadGpus, FindsMigInstancesByMinorAndNotByIndex) {
  const FakeHost host = FakeHost::with_driver("550.54.15")
                            .add_gpu({.minor = 5, .pci = "0000:0a:00.0"})
                            .add_gpu({.minor = 0, .pci = "0000:0b:00.0"})
                            .add_mig(0, 1, 0, 12, 13);
  const Inventory inventory = gpus_of(host);
  EXPECT_THAT(inventory.gpus.at(0).mig, IsEmpty());
  EXPECT_THAT(inventory.gpus.at(1).mig, SizeIs(1));
}

TEST(ReadGpus, SkipsOtherNamesBesideMigInstances) {
  FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({.minor = 0}).add_mig(0, 1, 0, 12, 13);
  const std::string mig = "/proc/driver/nvidia/capabilities/gpu0/mig";
  for (const char* const name :
       {"/gi", "/gix", "/gi1x", "/.empty", "/gi1/access2", "/gi1/ci", "/gi3"})
    host.add_directory(mig + name);
  EXPECT_THAT(gpus_of(host).gpus.at(0).mig, SizeIs(1));
}

TEST(ReadGpus, KnowsNoAccessNodesWithoutTheirMajorNumber) {
  FakeHost host = FakeHost::with_driver("450.51.05").add_gpu({.minor = 0}).add_mig(0, 1, 0, 12, 13);
  host.add_file("/proc/devices", "Character devices:\n195 nvidia\n");
  EXPECT_EQ(gpus_of(host).gpus.at(0).mig,
            (std::vector<MigInstance>{{1, 0, "", std::nullopt, std::nullopt}}));
}

TEST(ReadGpus, RefusesMoreThan64Gpus) {
  FakeHost host = FakeHost::with_driver("550.54.15");
  for (std::uint32_t i = 0; i < 64; ++i)
    host.add_gpu({.minor = i, .pci = concat("0000:", hex(i, 2), ":00.0")});
  EXPECT_THAT(gpus_of(host).gpus, SizeIs(64));
  host.add_gpu({.minor = 64, .pci = "0000:ff:00.0"});
  Inventory inventory;
  EXPECT_THAT(error_of(read_gpus(host.open(), inventory)), HasSubstr("more than 64 entries"));
}

TEST(ReadProcFiles, TakesWhatAContainerMaySee) {
  const FakeHost host = FakeHost::with_driver("550.54.15")
                            .add_gpu({.minor = 0})
                            .add_mig(0, 1, 0, 12, 13)
                            .add_mig(0, 1, 1, 12, 14);
  EXPECT_THAT(
      proc_paths(host),
      ElementsAre("params", "registry", "version", "gpus/0000:0a:00.0/information",
                  "gpus/0000:0a:00.0/registry", "capabilities/gpu0/mig/gi1/access",
                  "capabilities/gpu0/mig/gi1/ci0/access", "capabilities/gpu0/mig/gi1/ci1/access"));
}

TEST(ReadProcFiles, TurnsDeviceFileModificationOffAndKeepsTheRest) {
  const FakeHost host = FakeHost::with_driver("550.54.15").add_gpu({});
  Inventory inventory = gpus_of(host);
  read_proc_files(host.open(), inventory);
  EXPECT_EQ(inventory.proc.at(0).content, "ResmanDebugLevel: 4294967295\nModifyDeviceFiles: 0\n");
  EXPECT_EQ(inventory.proc.at(1).content, "Binary: \"\"\n");
  EXPECT_THAT(inventory.proc.at(3).content, HasSubstr("Device Minor: \t 0\n"));
}

TEST(ReadProcFiles, DoesWithoutFilesThatADriverLacks) {
  FakeHost host = FakeHost::without_driver();
  host.add_file("/proc/driver/nvidia/version", "x")
      .add_file("/proc/devices", "Character devices:\n195 nvidia\n");
  EXPECT_THAT(proc_paths(host), ElementsAre("version"));
}

}  // namespace
}  // namespace gpuhook::host
