// SPDX-License-Identifier: Apache-2.0
// What files, nodes, device rules, sockets and links an apply gives a container.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/text.h"
#include "base/unique_fd.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

using ApplyBindFile = ApplyTest;
using ApplyBindDevice = ApplyTest;
using ApplyAllowDevice = ApplyTest;
using ApplyBindSocket = ApplyTest;
using ApplyMakeLink = ApplyTest;

// --- BindFile

TEST_F(ApplyBindFile, ShowsTheHostsFile) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(bind_cuda())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
}

TEST_F(ApplyBindFile, MountsReadOnlyWithoutSetuidAndDevices) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  EXPECT_EQ(container.mount_options("/usr/lib64/libcuda.so.580.1"), "ro,nosuid,nodev");
}

TEST_F(ApplyBindFile, MountsPrivately) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  const auto mount =
      mount_at(container.pid(), container.mount_point("/usr/lib64/libcuda.so.580.1"));
  ASSERT_TRUE(mount.has_value());
  EXPECT_EQ(mount->propagation, "");
}

TEST_F(ApplyBindFile, LeavesTheHostsMountTableAlone) {
  const FakeContainer container(image);
  const std::string before = mountinfo_of(getpid());
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  EXPECT_EQ(mountinfo_of(getpid()), before);
}

TEST_F(ApplyBindFile, MakesAStubThatLdconfigPassesOver) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  const std::string stub = image.host_path("/usr/lib64/libcuda.so.580.1");
  EXPECT_EQ(text_of_file(stub), "/* GNU ld script: mount point of gpu-hook, may be deleted */\n");
  EXPECT_EQ(mode_of(stub), 0444U);
}

// Readers of a directory of configuration files take an empty one for nothing.
TEST_F(ApplyBindFile, MakesAnEmptyStubForAConfigurationFile) {
  host.driver.write("/etc/vulkan/icd.d/nvidia_icd.json", "{}");
  const BindFile data{.source = HostPath::literal("/etc/vulkan/icd.d/nvidia_icd.json"),
                      .target = ContainerPath::literal("/etc/vulkan/icd.d/nvidia_icd.json")};
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(data)}), container)), "");
  EXPECT_EQ(container.text("/etc/vulkan/icd.d/nvidia_icd.json"), "{}");
  EXPECT_EQ(text_of_file(image.host_path("/etc/vulkan/icd.d/nvidia_icd.json")), "");
  EXPECT_EQ(mode_of(image.host_path("/etc/vulkan/icd.d/nvidia_icd.json")), 0444U);
}

TEST_F(ApplyBindFile, MakesTheStubOfALibraryAlsoForAProgram) {
  const BindFile program{.source = HostPath::literal("/usr/bin/nvidia-smi"),
                         .target = ContainerPath::literal("/usr/bin/nvidia-smi")};
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(program)}), container)), "");
  EXPECT_EQ(container.text("/usr/bin/nvidia-smi"), "the host's nvidia-smi");
  EXPECT_EQ(text_of_file(image.host_path("/usr/bin/nvidia-smi")),
            "/* GNU ld script: mount point of gpu-hook, may be deleted */\n");
}

TEST_F(ApplyBindFile, MakesTheStubOfALibraryAlsoForAModuleOfAnotherName) {
  host.driver.write("/usr/lib64/xorg/modules/drivers/nvidia_drv.so", "the host's driver");
  const BindFile module{
      .source = HostPath::literal("/usr/lib64/xorg/modules/drivers/nvidia_drv.so"),
      .target = ContainerPath::literal("/usr/lib64/xorg/modules/drivers/nvidia_drv.so")};
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(module)}), container)), "");
  EXPECT_EQ(text_of_file(image.host_path("/usr/lib64/xorg/modules/drivers/nvidia_drv.so")),
            "/* GNU ld script: mount point of gpu-hook, may be deleted */\n");
}

TEST_F(ApplyBindFile, MakesMissingDirectoriesForEverybody) {
  const FakeContainer container(image);
  const BindFile firmware{.source = HostPath::literal("/lib/firmware/nvidia/580.1/gsp.bin"),
                          .target = ContainerPath::literal("/lib/firmware/nvidia/580.1/gsp.bin")};
  EXPECT_EQ(error_line(apply(host.plan({required(firmware)}), container)), "");
  EXPECT_EQ(container.text("/usr/lib/firmware/nvidia/580.1/gsp.bin"), "the host's firmware");
  EXPECT_EQ(mode_of(image.host_path("/usr/lib/firmware")), 0755U);
  EXPECT_EQ(mode_of(image.host_path("/usr/lib/firmware/nvidia/580.1")), 0755U);
}

TEST_F(ApplyBindFile, CoversTheImagesOwnFileWithoutChangingIt) {
  image.write("/usr/lib64/libcuda.so.580.1", "the image's own libcuda", 0640);
  const Tree before = tree_of(image.root().text());
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
  EXPECT_EQ(tree_of(image.root().text()), before);
}

TEST_F(ApplyBindFile, CoversAZeroLengthFileOfACommittedContainer) {
  image.write("/usr/lib64/libcuda.so.580.1", "");
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
  EXPECT_EQ(text_of_file(image.host_path("/usr/lib64/libcuda.so.580.1")), "");
}

TEST_F(ApplyBindFile, CoversAHardLinkWithoutTouchingItsOtherName) {
  fs::create_hard_link(image.host_path("/etc/passwd"),
                       image.host_path("/usr/lib64/libcuda.so.580.1"));
  const Tree before = tree_of(image.root().text());
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  EXPECT_EQ(container.text("/etc/passwd"), "root:x:0:0::/:/bin/sh\n");
  EXPECT_EQ(tree_of(image.root().text()), before);
}

TEST_F(ApplyBindFile, CannotBeWrittenThrough) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  const std::string seen = container.seen("/usr/lib64/libcuda.so.580.1");
  EXPECT_EQ(open(seen.c_str(), O_WRONLY | O_CLOEXEC), -1);
  EXPECT_EQ(errno, EROFS);
  EXPECT_EQ(chmod(seen.c_str(), 0777), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_F(ApplyBindFile, CoversTheSameFileMountedWritable) {
  image.write("/usr/lib64/libcuda.so.580.1", "");
  const FakeContainer container(image);
  container.inside([&] {
    bind_mount(host.driver.host_path("/usr/lib64/libcuda.so.580.1"),
               image.host_path("/usr/lib64/libcuda.so.580.1"));
  });
  const InjectionPlan plan = host.plan({required(bind_cuda())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(container.mount_options("/usr/lib64/libcuda.so.580.1"), "ro,nosuid,nodev");
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("already"));
}

TEST_F(ApplyBindFile, RefusesASourceThatIsNoFile) {
  fs::remove(host.driver.host_path("/usr/lib64/libcuda.so.580.1"));
  host.driver.directory("/usr/lib64/libcuda.so.580.1");
  expect_refusal({required(bind_cuda())}, ErrorKind::kRefused);
}

TEST_F(ApplyBindFile, FollowsLinksOfTheDriverRootInsideIt) {
  fs::rename(host.driver.host_path("/usr/lib64"), host.driver.host_path("/opt"));
  host.driver.link("/usr/lib64", "/opt");
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
}

TEST_F(ApplyBindFile, NeverTakesASourceFromOutsideTheDriverRoot) {
  fs::remove(host.driver.host_path("/usr/lib64/libcuda.so.580.1"));
  host.driver.link("/usr/lib64/libcuda.so.580.1", host.canary.host_path("/lib/secret"));
  expect_refusal({required(bind_cuda())}, ErrorKind::kNotFound);
}

TEST_F(ApplyBindFile, IsSkippedWithItsReasonWhenOptionalAndWithoutSource) {
  fs::remove(host.driver.host_path("/usr/lib64/libcuda.so.580.1"));
  const FakeContainer container(image);
  const World before = look(container);
  const Result<Report> report = apply(host.plan({optional(bind_cuda())}), container);
  ASSERT_EQ(error_line(report), "");
  ASSERT_EQ(report->outcomes.size(), 1U);
  EXPECT_EQ(report->outcomes[0].kind, OutcomeKind::kSkipped);
  EXPECT_EQ(report->outcomes[0].detail,
            "preparing \"/usr/lib64/libcuda.so.580.1\": opening host file "
            "\"/usr/lib64/libcuda.so.580.1\": openat2 \"usr/lib64/libcuda.so.580.1\": ENOENT (No "
            "such file or directory)");
  expect_same(before, look(container));
}

// --- BindDevice

TEST_F(ApplyBindDevice, ShowsTheHostsNode) {
  const FakeContainer container(image);
  BindDevice zero = bind_gpu();
  zero.source = HostPath::literal("/dev/nvidiactl");
  zero.number = kZero;
  const InjectionPlan plan = host.plan({required(zero)});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  const UniqueFd device(open(container.seen("/dev/nvidia0").c_str(), O_RDWR | O_CLOEXEC));
  std::array<char, 4> bytes{'a', 'b', 'c', 'd'};
  EXPECT_EQ(read(device.get(), bytes.data(), bytes.size()), 4);
  EXPECT_THAT(bytes, ElementsAre('\0', '\0', '\0', '\0'));
}

TEST_F(ApplyBindDevice, MountsWithoutSetuidAndProgramsButWithDevices) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_gpu())}), container)), "");
  EXPECT_EQ(container.mount_options("/dev/nvidia0"), "ro,nosuid,noexec");
}

TEST_F(ApplyBindDevice, KeepsTheHostsInodeFromBeingChanged) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_gpu())}), container)), "");
  EXPECT_EQ(chmod(container.seen("/dev/nvidia0").c_str(), 0600), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_F(ApplyBindDevice, MakesTheDirectoryOfCapabilityNodes) {
  const FakeContainer container(image);
  const BindDevice cap{.source = HostPath::literal("/dev/nvidia-caps/nvidia-cap1"),
                       .target = ContainerPath::literal("/dev/nvidia-caps/nvidia-cap1"),
                       .number = kFull};
  EXPECT_EQ(error_line(apply(host.plan({required(cap)}), container)), "");
  EXPECT_EQ(tree_of(container.seen("/dev")).at("/nvidia-caps"), "directory 0755");
  EXPECT_EQ(container.mount_options("/dev/nvidia-caps/nvidia-cap1"), "ro,nosuid,noexec");
}

TEST_F(ApplyBindDevice, TakesAnExistingNodeOfTheSameNumberAsGiven) {
  const FakeContainer container(image);
  container.inside([&] {
    image.write("/dev/nvidia0", "");
    bind_mount("/dev/null", image.host_path("/dev/nvidia0"));
  });
  const std::string before = container.mountinfo();
  const InjectionPlan plan = host.plan({required(bind_gpu())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("already"));
  EXPECT_EQ(container.mountinfo(), before);
}

TEST_F(ApplyBindDevice, RefusesASourceOfAnotherNumber) {
  BindDevice other = bind_gpu();
  other.number = {.major = 195, .minor = 0};
  expect_refusal({required(other)}, ErrorKind::kRefused);
}

TEST_F(ApplyBindDevice, RefusesASourceThatIsNoDevice) {
  BindDevice file = bind_gpu();
  file.source = HostPath::literal("/dev/nvidia7");
  host.devices.write("/dev/nvidia7", "");
  expect_refusal({required(file)}, ErrorKind::kRefused);
}

TEST_F(ApplyBindDevice, WorksInAContainerWithoutADevOfItsOwn) {
  const FakeContainer container(image, {.dev_is_tmpfs = false});
  EXPECT_EQ(error_line(apply(host.plan({required(bind_gpu())}), container)), "");
  EXPECT_EQ(container.mount_options("/dev/nvidia0"), "ro,nosuid,noexec");
}

// --- AllowDevice

TEST_F(ApplyAllowDevice, IsSkippedWithItsReasonInsideAUserNamespace) {
  const FakeContainer container(image);
  const Result<Report> report = apply(host.plan({required(bind_gpu())}), container);
  ASSERT_EQ(error_line(report), "");
  EXPECT_EQ(report->outcomes[0].kind, OutcomeKind::kSkipped);
  EXPECT_EQ(report->outcomes[0].detail,
            "device cgroups cannot be changed from inside a user namespace");
}

TEST_F(ApplyAllowDevice, IsSkippedWithItsReasonWhenNotWanted) {
  const FakeContainer container(image);
  const Result<Report> report =
      apply_plan(host.plan({required(bind_gpu())}), container.target(), Config{.no_cgroups = true});
  ASSERT_EQ(error_line(report), "");
  EXPECT_EQ(report->outcomes[0].kind, OutcomeKind::kSkipped);
  EXPECT_EQ(report->outcomes[0].detail, "device rules were not wanted");
}

// --- BindSocket

TEST_F(ApplyBindSocket, LeadsToTheHostsDaemon) {
  const std::string path = host.driver.host_path("/run/nvidia-persistenced/socket");
  fs::remove(path);
  const UniqueFd daemon(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  const auto* const name = reinterpret_cast<const sockaddr*>(&address);
  require(bind(daemon.get(), name, sizeof address) == 0 && listen(daemon.get(), 1) == 0, path);

  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_persistenced())}), container)), "");
  container.inside([&] {
    const UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::string inside = image.host_path("/run/nvidia-persistenced/socket");
    sockaddr_un there{.sun_family = AF_UNIX, .sun_path = {}};
    inside.copy(static_cast<char*>(there.sun_path), sizeof there.sun_path - 1);
    require(connect(client.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0,
            "connect");
  });
}

TEST_F(ApplyBindSocket, MountsReadOnlyWithoutSetuidDevicesAndPrograms) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_persistenced())}), container)), "");
  EXPECT_EQ(container.mount_options("/run/nvidia-persistenced/socket"), "ro,nosuid,nodev,noexec");
}

TEST_F(ApplyBindSocket, RefusesASourceThatIsNoSocket) {
  BindSocket file = bind_persistenced();
  file.source = HostPath::literal("/usr/bin/nvidia-smi");
  expect_refusal({required(file)}, ErrorKind::kRefused);
}

TEST_F(ApplyBindSocket, CoversASocketOfTheImage) {
  image.socket("/run/nvidia-persistenced/socket");
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_persistenced())}), container)), "");
  EXPECT_EQ(mounts_at(container.pid(), container.mount_point("/run/nvidia-persistenced/socket")),
            1U);
}

// --- MakeLink

TEST_F(ApplyMakeLink, MakesALinkToTheFileBesideIt) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(bind_cuda()), required(link_cuda())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done", "done"));
  EXPECT_EQ(fs::read_symlink(container.seen("/usr/lib64/libcuda.so.1")), "libcuda.so.580.1");
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
}

TEST_F(ApplyMakeLink, ReplacesALinkWithoutFollowingIt) {
  image.link("/usr/lib64/libcuda.so.1", host.canary.host_path("/lib/secret"));
  const Tree before = tree_of(host.canary.root().text());
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(link_cuda())}), container)), "");
  EXPECT_EQ(fs::read_symlink(image.host_path("/usr/lib64/libcuda.so.1")), "libcuda.so.580.1");
  EXPECT_EQ(tree_of(host.canary.root().text()), before);
}

TEST_F(ApplyMakeLink, ReplacesADanglingLinkWithoutCreatingWhatItNames) {
  image.link("/usr/lib64/libcuda.so.1", "/nope");
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(link_cuda())}), container)), "");
  EXPECT_EQ(fs::read_symlink(image.host_path("/usr/lib64/libcuda.so.1")), "libcuda.so.580.1");
  EXPECT_FALSE(fs::exists(image.host_path("/nope")));
}

TEST_F(ApplyMakeLink, LeavesNoTemporaryNameBehind) {
  image.link("/usr/lib64/libcuda.so.1", "libcuda.so.470.1");
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(link_cuda())}), container)), "");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(image.host_path("/usr/lib64")))
    names.push_back(entry.path().filename());
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("libcuda.so.1", "libown.so"));
}

TEST_F(ApplyMakeLink, CoversTheImagesOwnFileInstead) {
  image.write("/usr/lib64/libcuda.so.1", "the image's own libcuda");
  const Tree before = tree_of(image.root().text());
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(link_cuda())}), container)), "");
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
  EXPECT_EQ(container.mount_options("/usr/lib64/libcuda.so.1"), "ro,nosuid,nodev");
  EXPECT_EQ(tree_of(image.root().text()), before);
}

TEST_F(ApplyMakeLink, RemovesWhatAKilledRunLeftUnderItsTemporaryName) {
  image.link("/usr/lib64/libcuda.so.1", "libcuda.so.470.1");
  const FakeContainer container(image);
  image.link(concat("/usr/lib64/.libcuda.so.1.gpu-hook.", container.pid()), "leftover");
  EXPECT_EQ(error_line(apply(host.plan({required(link_cuda())}), container)), "");
  EXPECT_EQ(fs::read_symlink(image.host_path("/usr/lib64/libcuda.so.1")), "libcuda.so.580.1");
}

TEST_F(ApplyMakeLink, LeadsToTheDirectoryAboveTheOneMadeForIt) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(bind_cuda()), required(link_gbm())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done", "done"));
  EXPECT_EQ(fs::read_symlink(container.seen("/usr/lib64/gbm/nvidia-drm_gbm.so")),
            "../libcuda.so.580.1");
  EXPECT_EQ(container.text("/usr/lib64/gbm/nvidia-drm_gbm.so"), "the host's libcuda");
  EXPECT_EQ(mode_of(image.host_path("/usr/lib64/gbm")), 0755U);
}

TEST_F(ApplyMakeLink, LeadsToANodeByItsPciAddress) {
  host.devices.write("/dev/dri/card1", "");
  bind_mount("/dev/null", host.devices.host_path("/dev/dri/card1"));
  const BindDevice card{.source = HostPath::literal("/dev/dri/card1"),
                        .target = ContainerPath::literal("/dev/dri/card1"),
                        .number = kNull};
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(card), required(link_by_path())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done", "done"));
  const std::string link = container.seen("/dev/dri/by-path/pci-0000:0a:00.0-card");
  EXPECT_EQ(fs::read_symlink(link), "../card1");
  EXPECT_TRUE(fs::is_character_file(link));
  EXPECT_TRUE(fs::is_empty(image.host_path("/dev"))) << "nothing below the container's /dev";
  unmount(host.devices.host_path("/dev/dri/card1"));
}

// Nothing of the host could be shown in its place.
TEST_F(ApplyMakeLink, NamesTheFileThatItDoesNotReplace) {
  image.write("/usr/lib64/gbm/nvidia-drm_gbm.so", "the image's own");
  const FakeContainer container(image);
  const World before = look(container);
  const InjectionPlan plan = host.plan({optional(link_gbm())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre("skipped: preparing \"/usr/lib64/gbm/nvidia-drm_gbm.so\": "
                          "\"/usr/lib64/gbm/nvidia-drm_gbm.so\" in the container is a regular "
                          "file; remove it from the image"));
  expect_same(before, look(container));
}

}  // namespace
}  // namespace gpuhook::testing
