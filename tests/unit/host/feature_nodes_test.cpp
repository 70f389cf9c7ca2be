// SPDX-License-Identifier: Apache-2.0
#include "host/feature_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>

#include "base/text.h"
#include "fake_host.h"
#include "host/procfs_gpus.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::host {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::error_kind;
using testing::FakeHost;
using ::testing::IsEmpty;
using testing::require;
using testing::TempTree;

constexpr std::string_view kDrm = "/sys/bus/pci/devices/0000:0a:00.0/drm/";

Inventory features_of(const FakeHost& host, const TempTree& devices, OmissionSet leave_out = {}) {
  Inventory inventory;
  require(read_gpus(host.open(), inventory));
  require(read_feature_nodes(host.open(), devices.open(), leave_out, inventory));
  return inventory;
}

Inventory features_of(const FakeHost& host, OmissionSet leave_out = {}) {
  return features_of(host, host.tree(), leave_out);
}

FakeHost one_gpu() { return FakeHost::with_driver("550.54.15").add_gpu({.minor = 3}); }

// The absences but the one about the multi-process service, which is there in most hosts.
std::vector<Absence> absences_of(const Inventory& inventory) {
  std::vector<Absence> absences;
  for (const Absence& absence : inventory.absences) {
    if (absence.what != "/tmp/nvidia-mps") absences.push_back(absence);
  }
  return absences;
}

// False where nodes cannot be made. Parent directories are made as needed.
bool make_node(const FakeHost& host, const std::string& path, unsigned major, unsigned minor,
               mode_t type = S_IFCHR) {
  const std::filesystem::path node = host.tree().host_path(path);
  std::filesystem::create_directories(node.parent_path());
  // Not in one step: the umask would take bits away.
  return mknod(node.c_str(), type | 0600, makedev(major, minor)) == 0 &&
         chmod(node.c_str(), 0666) == 0;
}

DeviceNode node(std::string_view path, std::uint32_t major, std::uint32_t minor) {
  return {HostPath::literal(path), {major, minor}};
}

TEST(ReadFeatureNodes, FindsNothingOnAPlainHost) {
  const Inventory inventory = features_of(one_gpu());
  EXPECT_THAT(inventory.gpus.at(0).drm, IsEmpty());
  EXPECT_THAT(inventory.imex_channels, IsEmpty());
  EXPECT_THAT(inventory.feature_nodes, IsEmpty());
  EXPECT_THAT(inventory.feature_files, IsEmpty());
  EXPECT_EQ(inventory.mps_directory, std::nullopt);
  EXPECT_THAT(absences_of(inventory), IsEmpty());
}

TEST(ReadFeatureNodes, NeedsTheKernelsTable) {
  const FakeHost host = FakeHost::without_driver();
  Inventory inventory;
  EXPECT_EQ(error_kind(read_feature_nodes(host.open(), host.open(), {}, inventory)), "not-found");
}

TEST(ReadFeatureNodes, SaysWhichGraphicsNodesAreMissing) {
  FakeHost host = one_gpu();
  host.add_file(concat(kDrm, "card1/dev"), "226:1\n")
      .add_file(concat(kDrm, "renderD129/dev"), "226:129\n");
  const Inventory inventory = features_of(host);
  EXPECT_THAT(inventory.gpus.at(0).drm, IsEmpty());
  EXPECT_THAT(
      absences_of(inventory),
      ElementsAre(Absence{"/dev/dri/card1", "\"/dev/dri/card1\" does not exist in the device root"},
                  Absence{"/dev/dri/renderD129",
                          "\"/dev/dri/renderD129\" does not exist in the device root"}));
}

TEST(ReadFeatureNodes, SaysWhichNumberAGraphicsNodeShouldHave) {
  FakeHost host = one_gpu();
  host.add_file(concat(kDrm, "card1/dev"), "226:1").add_file("/dev/dri/card1", "");
  EXPECT_THAT(
      absences_of(features_of(host)),
      ElementsAre(Absence{"/dev/dri/card1", "\"/dev/dri/card1\" is not character device 226:1"}));
}

TEST(ReadFeatureNodes, IgnoresOtherNamesThanCardsAndRenderNodes) {
  for (const std::string_view name :
       {"card", "card-1", "card1-DP-1", "cardx", "card 1", "Card1", "xcard1", "controlD64",
        "renderD", "renderD12x", "render128", "renderd128", "version"}) {
    FakeHost host = one_gpu();
    host.add_file(concat(kDrm, name, "/dev"), "226:1\n");
    const Inventory inventory = features_of(host);
    EXPECT_THAT(inventory.gpus.at(0).drm, IsEmpty()) << name;
    EXPECT_THAT(absences_of(inventory), IsEmpty()) << name;
  }
}

TEST(ReadFeatureNodes, LeavesOutAGraphicsNodeWithoutAUsableNumber) {
  for (const std::string_view text :
       {"", "\n", "226", "226:", ":1", ":", "226:1:2", "x:y", "226:-1", "-226:1", "0xe2:1", "226 1",
        "226: 1", "4294967296:1", "226:4294967296", "226:1\n226:2\n"}) {
    FakeHost host = one_gpu();
    host.add_file(concat(kDrm, "card1/dev"), text);
    const Inventory inventory = features_of(host);
    EXPECT_THAT(inventory.gpus.at(0).drm, IsEmpty()) << in_quotes(text);
    EXPECT_THAT(absences_of(inventory), IsEmpty()) << in_quotes(text);
  }
}

TEST(ReadFeatureNodes, LeavesOutAGraphicsNodeWhoseNumberCannotBeRead) {
  FakeHost host = one_gpu();
  host.add_directory(concat(kDrm, "card1"))
      .add_directory(concat(kDrm, "card2/dev"))
      .add_fifo(concat(kDrm, "card3/dev"))
      .add_link(concat(kDrm, "card4/dev"), "nowhere");
  EXPECT_THAT(absences_of(features_of(host)), IsEmpty());
}

TEST(ReadFeatureNodes, GivesEachGpuItsOwnGraphicsNodes) {
  FakeHost host = one_gpu().add_gpu({.minor = 1, .pci = "0000:0b:00.0"});
  host.add_file(concat(kDrm, "card1/dev"), "226:1\n")
      .add_file(concat(kDrm, "renderD128/dev"), "226:128\n")
      .add_file("/sys/bus/pci/devices/0000:0b:00.0/drm/card2/dev", "226:2\n")
      // Not of a GPU of this driver.
      .add_file("/sys/bus/pci/devices/0000:00:02.0/drm/card0/dev", "226:0\n");
  if (!make_node(host, "/dev/dri/card0", 226, 0)) GTEST_SKIP() << "mknod needs CAP_MKNOD";
  ASSERT_TRUE(make_node(host, "/dev/dri/card1", 226, 1));
  ASSERT_TRUE(make_node(host, "/dev/dri/card2", 226, 2));
  ASSERT_TRUE(make_node(host, "/dev/dri/renderD128", 226, 128));
  const Inventory inventory = features_of(host);
  EXPECT_EQ(inventory.gpus.at(0).drm,
            (std::vector<DrmNode>{{node("/dev/dri/card1", 226, 1), "card"},
                                  {node("/dev/dri/renderD128", 226, 128), "render"}}));
  EXPECT_EQ(inventory.gpus.at(1).drm,
            (std::vector<DrmNode>{{node("/dev/dri/card2", 226, 2), "card"}}));
  EXPECT_THAT(absences_of(inventory), IsEmpty());
}

// Every kernel module that has nodes for features is loaded.
FakeHost all_modules() {
  FakeHost host = one_gpu();
  host.add_file("/proc/devices",
                "Character devices:\n 10 misc\n195 nvidia\n231 infiniband_verbs\n234 "
                "nvidia-caps-imex-channels\n500 nvidia-fs\n501 gdrdrv\n502 nvidia-nvswitch\n503 "
                "nvidia-nvlink\n504 infiniband_verbs\n\nBlock devices:\n505 nvidia-fs\n")
      .add_file("/proc/misc", " 58 rdma_cm\n227 mcelog\n");
  return host;
}

TEST(ReadFeatureNodes, TakesNodesOfRegisteredNumbers) {
  const FakeHost host = all_modules();
  if (!make_node(host, "/dev/nvidia-fs0", 500, 0)) GTEST_SKIP() << "mknod needs CAP_MKNOD";
  ASSERT_TRUE(make_node(host, "/dev/nvidia-fs15", 500, 15));
  ASSERT_TRUE(make_node(host, "/dev/gdrdrv", 501, 0));
  ASSERT_TRUE(make_node(host, "/dev/nvidia-nvswitch0", 502, 0));
  ASSERT_TRUE(make_node(host, "/dev/nvidia-nvswitchctl", 502, 255));
  ASSERT_TRUE(make_node(host, "/dev/infiniband/uverbs0", 231, 192));
  // Large machines have a second range of numbers.
  ASSERT_TRUE(make_node(host, "/dev/infiniband/uverbs32", 504, 0));
  ASSERT_TRUE(make_node(host, "/dev/infiniband/rdma_cm", 10, 58));
  EXPECT_EQ(features_of(host).feature_nodes,
            (std::vector<FeatureNode>{
                {Feature::kGds, node("/dev/nvidia-fs0", 500, 0)},
                {Feature::kGds, node("/dev/nvidia-fs15", 500, 15)},
                {Feature::kGdrcopy, node("/dev/gdrdrv", 501, 0)},
                {Feature::kNvswitch, node("/dev/nvidia-nvswitch0", 502, 0)},
                {Feature::kNvswitch, node("/dev/nvidia-nvswitchctl", 502, 255)},
                {Feature::kMofed, node("/dev/infiniband/uverbs0", 231, 192)},
                {Feature::kMofed, node("/dev/infiniband/uverbs32", 504, 0)},
                {Feature::kMofed, node("/dev/infiniband/rdma_cm", 10, 58)},
            }));
}

TEST(ReadFeatureNodes, LeavesOutNodesOfOtherNumbers) {
  const FakeHost host = all_modules();
  // 1:1 is /dev/mem.
  if (!make_node(host, "/dev/nvidia-fs0", 1, 1)) GTEST_SKIP() << "mknod needs CAP_MKNOD";
  ASSERT_TRUE(make_node(host, "/dev/nvidia-fs1", 501, 0));
  ASSERT_TRUE(make_node(host, "/dev/nvidia-fs2", 505, 0));
  ASSERT_TRUE(make_node(host, "/dev/nvidia-fs3", 500, 0, S_IFBLK));
  ASSERT_TRUE(make_node(host, "/dev/gdrdrv", 500, 0));
  ASSERT_TRUE(make_node(host, "/dev/nvidia-nvswitch0", 503, 0));
  ASSERT_TRUE(make_node(host, "/dev/nvidia-nvlink", 503, 0));
  ASSERT_TRUE(make_node(host, "/dev/infiniband/uverbs0", 10, 58));
  ASSERT_TRUE(make_node(host, "/dev/infiniband/rdma_cm", 10, 227));
  ASSERT_TRUE(make_node(host, "/dev/infiniband/issm0", 231, 64));
  EXPECT_THAT(features_of(host).feature_nodes, IsEmpty());
}

TEST(ReadFeatureNodes, LeavesOutWhatIsNoNode) {
  FakeHost host = all_modules();
  host.add_file("/dev/nvidia-fs0", "")
      .add_directory("/dev/gdrdrv")
      .add_fifo("/dev/nvidia-nvswitch0")
      .add_link("/dev/nvidia-nvswitchctl", "/proc/misc")
      .add_link("/dev/infiniband/uverbs0", "nowhere")
      .add_file("/dev/infiniband/rdma_cm", "");
  EXPECT_THAT(features_of(host).feature_nodes, IsEmpty());
  EXPECT_THAT(absences_of(features_of(host)), IsEmpty());
}

TEST(ReadFeatureNodes, LeavesOutNodesOfModulesThatAreNotLoaded) {
  FakeHost host = one_gpu();
  host.add_file("/proc/devices",
                "Character devices:\n195 nvidia\n\nBlock devices:\n500 nvidia-fs\n");
  if (!make_node(host, "/dev/nvidia-fs0", 500, 0)) GTEST_SKIP() << "mknod needs CAP_MKNOD";
  ASSERT_TRUE(make_node(host, "/dev/infiniband/rdma_cm", 10, 58));
  ASSERT_TRUE(make_node(host, "/dev/nvidia-caps-imex-channels/channel0", 234, 0));
  EXPECT_THAT(features_of(host).feature_nodes, IsEmpty());
  EXPECT_THAT(features_of(host).imex_channels, IsEmpty());
}

TEST(ReadFeatureNodes, FindsImexChannelsInOrderOfTheirNumbers) {
  const FakeHost host = all_modules();
  const std::string directory = "/dev/nvidia-caps-imex-channels/";
  if (!make_node(host, directory + "channel10", 234, 10)) GTEST_SKIP() << "mknod needs CAP_MKNOD";
  ASSERT_TRUE(make_node(host, directory + "channel2", 234, 2));
  ASSERT_TRUE(make_node(host, directory + "channel0", 234, 0));
  ASSERT_TRUE(make_node(host, directory + "channel1048575", 234, 1048575));
  EXPECT_THAT(
      features_of(host).imex_channels,
      ElementsAre(node(directory + "channel0", 234, 0), node(directory + "channel2", 234, 2),
                  node(directory + "channel10", 234, 10),
                  node(directory + "channel1048575", 234, 1048575)));
}

TEST(ReadFeatureNodes, LeavesOutImexChannelsWithMalformedNamesOrOtherNumbers) {
  const FakeHost host = all_modules();
  const std::string directory = "/dev/nvidia-caps-imex-channels/";
  if (!make_node(host, directory + "channel", 234, 0)) GTEST_SKIP() << "mknod needs CAP_MKNOD";
  for (const char* const name : {"channel-1", "channel+1", "channelx", "channel1x", "channel0x1",
                                 "channel 1", "Channel1", "chan1", "1", "channel4294967297"})
    ASSERT_TRUE(make_node(host, directory + name, 234, 1)) << name;
  ASSERT_TRUE(make_node(host, directory + "channel3", 234, 4));
  ASSERT_TRUE(make_node(host, directory + "channel5", 195, 5));
  ASSERT_TRUE(make_node(host, directory + "channel6", 234, 6, S_IFBLK));
  EXPECT_THAT(features_of(host).imex_channels, IsEmpty());
}

TEST(ReadFeatureNodes, GivesAnImexChannelOnceWhateverItsOtherNames) {
  const FakeHost host = all_modules();
  const std::string directory = "/dev/nvidia-caps-imex-channels/";
  if (!make_node(host, directory + "channel1", 234, 1)) GTEST_SKIP() << "mknod needs CAP_MKNOD";
  ASSERT_TRUE(make_node(host, directory + "channel01", 234, 1));
  EXPECT_EQ(features_of(host).imex_channels.size(), 1U);
}

TEST(ReadFeatureNodes, FindsTheFilesThatGoWithStorage) {
  FakeHost host = one_gpu();
  host.add_directory("/run/udev").add_file("/etc/cufile.json", "{}");
  EXPECT_EQ(features_of(host).feature_files,
            (std::vector<FeatureFile>{
                {Feature::kGds, HostPath::literal("/run/udev"), true},
                {Feature::kGds, HostPath::literal("/etc/cufile.json"), false},
            }));
}

TEST(ReadFeatureNodes, LeavesOutFilesOfStorageThatAreSomethingElse) {
  FakeHost host = one_gpu();
  host.add_file("/run/udev", "").add_link("/etc/cufile.json", "nowhere");
  EXPECT_THAT(features_of(host).feature_files, IsEmpty());
}

TEST(ReadFeatureNodes, TakesADirectoryForNoConfigurationOfStorage) {
  FakeHost host = one_gpu();
  host.add_directory("/etc/cufile.json");
  EXPECT_THAT(features_of(host).feature_files, IsEmpty());
}

TEST(ReadFeatureNodes, FindsTheDirectoryOfTheMultiProcessService) {
  FakeHost host = one_gpu();
  host.add_fifo("/tmp/nvidia-mps/control");
  const Inventory inventory = features_of(host);
  EXPECT_EQ(inventory.mps_directory, HostPath::literal("/tmp/nvidia-mps"));
  EXPECT_THAT(inventory.absences, IsEmpty());
}

constexpr std::string_view kNotRunning =
    "no pipe directory: the multi-process service does not run";
constexpr std::string_view kNotRoots = "not used: it is no directory of root";

void expect_no_mps(const Inventory& inventory, std::string_view reason, std::string_view name) {
  EXPECT_EQ(inventory.mps_directory, std::nullopt) << name;
  EXPECT_THAT(inventory.absences, ElementsAre(Absence{"/tmp/nvidia-mps", std::string(reason)}))
      << name;
}

TEST(ReadFeatureNodes, NeedsTheControlPipeOfTheMultiProcessService) {
  expect_no_mps(features_of(one_gpu()), kNotRunning, "no directory");
  expect_no_mps(features_of(one_gpu().add_directory("/tmp/nvidia-mps")), kNotRunning, "empty");
  expect_no_mps(features_of(one_gpu().add_file("/tmp/nvidia-mps/log", "")), kNotRunning,
                "log only");
  expect_no_mps(features_of(one_gpu().add_link("/tmp/nvidia-mps/control", "nowhere")), kNotRunning,
                "dangling control");
  expect_no_mps(features_of(one_gpu().add_file("/tmp/nvidia-mps", "")), kNotRunning, "file");
  expect_no_mps(features_of(one_gpu().add_link("/tmp/nvidia-mps", "nowhere")), kNotRunning,
                "dangling link");
}

TEST(ReadFeatureNodes, FollowsNoLinkToTheDirectoryOfTheMultiProcessService) {
  expect_no_mps(
      features_of(
          one_gpu().add_fifo("/elsewhere/control").add_link("/tmp/nvidia-mps", "/elsewhere")),
      kNotRoots, "link");
  expect_no_mps(
      features_of(one_gpu().add_fifo("/tmp/other/control").add_link("/tmp/nvidia-mps", "other")),
      kNotRoots, "link beside it");
  expect_no_mps(
      features_of(one_gpu().add_fifo("/var/tmp/nvidia-mps/control").add_link("/tmp", "var/tmp")),
      kNotRoots, "link above it");
}

TEST(ReadFeatureNodes, RefusesADirectoryThatAnotherUserMadeForTheMultiProcessService) {
  FakeHost host = one_gpu();
  host.add_fifo("/tmp/nvidia-mps/control");
  if (chown(host.tree().host_path("/tmp/nvidia-mps").c_str(), 12345, 0) != 0)
    GTEST_SKIP() << "chown needs CAP_CHOWN";
  expect_no_mps(features_of(host), kNotRoots, "owner");
}

TEST(ReadFeatureNodes, LeavesTheMultiProcessServiceOutOnRequest) {
  FakeHost host = one_gpu();
  host.add_fifo("/tmp/nvidia-mps/control");
  expect_no_mps(features_of(host, {Omission::kMps}), "left out by the configuration", "running");
  expect_no_mps(features_of(one_gpu(), {Omission::kMps}), "left out by the configuration", "none");
}

TEST(ReadFeatureNodes, LeavesNothingElseOutForOtherOmissions) {
  FakeHost host = one_gpu();
  host.add_fifo("/tmp/nvidia-mps/control").add_directory("/run/udev");
  const Inventory inventory = features_of(host, {Omission::kPersistenced, Omission::kFabricmanager,
                                                 Omission::kGspFirmware, Omission::kDeviceNodes});
  EXPECT_TRUE(inventory.mps_directory);
  EXPECT_EQ(inventory.feature_files.size(), 1U);
}

TEST(ReadFeatureNodes, LooksForNodesAndDirectoriesInTheDeviceRoot) {
  FakeHost host = one_gpu();
  host.add_file(concat(kDrm, "card1/dev"), "226:1\n");
  host.add_file("/dev/dri/card1", "")
      .add_directory("/run/udev")
      .add_fifo("/tmp/nvidia-mps/control");
  const TempTree empty;
  const Inventory inventory = features_of(host, empty);
  EXPECT_THAT(
      inventory.absences,
      Contains(Absence{"/dev/dri/card1", "\"/dev/dri/card1\" does not exist in the device root"}));
  EXPECT_THAT(inventory.feature_files, IsEmpty());
  EXPECT_EQ(inventory.mps_directory, std::nullopt);

  const TempTree devices;
  devices.directory("/run/udev");
  devices.fifo("/tmp/nvidia-mps/control");
  const Inventory other = features_of(FakeHost::with_driver("550.54.15"), devices);
  EXPECT_EQ(other.mps_directory, HostPath::literal("/tmp/nvidia-mps"));
  EXPECT_EQ(other.feature_files,
            (std::vector<FeatureFile>{{Feature::kGds, HostPath::literal("/run/udev"), true}}));
}

TEST(ReadFeatureNodes, KeepsWhatTheInventoryHasAlready) {
  Inventory inventory;
  inventory.absences.push_back({"earlier", "reason"});
  inventory.gpus.resize(1);
  const FakeHost host = one_gpu();
  require(read_feature_nodes(host.open(), host.open(), {}, inventory));
  EXPECT_THAT(inventory.absences, Contains(Absence{"earlier", "reason"}));
  EXPECT_EQ(inventory.gpus.size(), 1U);
}

}  // namespace
}  // namespace gpuhook::host
