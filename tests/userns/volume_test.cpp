// SPDX-License-Identifier: Apache-2.0
// Mounts of the container in the places that receive files.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>

#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::ElementsAre;

class Volume : public ApplyTest {
 protected:
  // Mounts `directory` of the host over `path` of the container, as `docker run -v` does.
  void mount_volume(const FakeContainer& container, const TempTree& directory,
                    const std::string& path) const {
    container.inside([&] { bind_mount(directory.root().text(), image.host_path(path)); });
  }
  void expect_refusal_and_unchanged(const FakeContainer& container, const PlannedOp& op) {
    const Tree before = tree_of(volume.root().text());
    expect_refusal(container, {op}, ErrorKind::kRefused);
    EXPECT_EQ(tree_of(volume.root().text()), before);
  }

  TempTree volume;
};

TEST_F(Volume, OverTheLibraryDirectoryIsRefusedAndUnchanged) {
  const FakeContainer container(image);
  mount_volume(container, volume, "/usr/lib64");
  expect_refusal_and_unchanged(container, required(bind_cuda()));
  expect_refusal_and_unchanged(container, required(link_cuda()));
}

TEST_F(Volume, WithTheFileAlreadyInItIsRefusedAndUnchanged) {
  volume.write("/libcuda.so.580.1", "");
  const FakeContainer container(image);
  mount_volume(container, volume, "/usr/lib64");
  expect_refusal_and_unchanged(container, required(bind_cuda()));
}

TEST_F(Volume, AboveTheLibraryDirectoryIsRefusedAndUnchanged) {
  volume.directory("/lib64");
  const FakeContainer container(image);
  mount_volume(container, volume, "/usr");
  expect_refusal_and_unchanged(container, required(bind_cuda()));
}

TEST_F(Volume, AboveAMissingDirectoryIsRefusedAndUnchanged) {
  const FakeContainer container(image);
  mount_volume(container, volume, "/usr");
  expect_refusal_and_unchanged(container, required(bind_cuda()));
}

TEST_F(Volume, OverEtcIsRefusedAndUnchanged) {
  volume.write("/ld.so.cache", "the volume's own");
  const FakeContainer container(image);
  mount_volume(container, volume, "/etc");
  expect_refusal_and_unchanged(container, required(update_cache()));
}

TEST_F(Volume, ReachedThroughALinkIsRefusedAndUnchanged) {
  image.directory("/data");
  fs::remove_all(image.host_path("/usr/lib64"));
  image.link("/usr/lib64", "/data");
  const FakeContainer container(image);
  mount_volume(container, volume, "/data");
  expect_refusal_and_unchanged(container, required(bind_cuda()));
}

TEST_F(Volume, SkipsAnOptionalOpWithItsReason) {
  const FakeContainer container(image);
  mount_volume(container, volume, "/usr/lib64");
  const InjectionPlan plan = host.plan({optional(bind_cuda()), required(update_cache())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre("skipped: preparing \"/usr/lib64/libcuda.so.580.1\": \"/usr/lib64\" lies "
                          "on a volume or pseudo file system of the "
                          "container; do not mount volumes over the directories that receive "
                          "driver files",
                          "done"));
}

// Memory of the host is a volume like any other: /dev/shm, or /tmp where it is a tmpfs.
TEST_F(Volume, OnATmpfsOfTheHostIsRefusedAndUnchanged) {
  mount_new("tmpfs", volume.root().text());
  volume.directory("/shared");
  const FakeContainer container(image);
  container.inside([&] { bind_mount(volume.host_path("/shared"), image.host_path("/usr/lib64")); });
  expect_refusal_and_unchanged(container, required(bind_cuda()));
  unmount(volume.root().text());
}

TEST_F(Volume, InMemoryUnderRunReceivesTheSocket) {
  const FakeContainer container(image);
  container.inside([&] { mount_new("tmpfs", image.host_path("/run")); });
  EXPECT_EQ(error_line(apply(host.plan({required(bind_persistenced())}), container)), "");
  EXPECT_FALSE(fs::exists(image.host_path("/run/nvidia-persistenced")));
  EXPECT_EQ(container.mount_options("/run/nvidia-persistenced/socket"), "ro,nosuid,nodev,noexec");
}

TEST_F(Volume, WithTheHostsSocketInItGivesTheSocketAlready) {
  const FakeContainer container(image);
  container.inside([&] { bind_mount(host.driver.host_path("/run"), image.host_path("/run")); });
  const World before = look(container);
  const InjectionPlan plan = host.plan({required(bind_persistenced())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("already"));
  expect_same(before, look(container));
}

TEST_F(Volume, OverRunWithoutTheSocketIsRefusedAndUnchanged) {
  const FakeContainer container(image);
  mount_volume(container, volume, "/run");
  expect_refusal_and_unchanged(container, required(bind_persistenced()));
}

TEST_F(Volume, OfOneFileIsCoveredAndUnchanged) {
  volume.write("/own", "the volume's own libcuda");
  image.write("/usr/lib64/libcuda.so.580.1", "");
  const FakeContainer container(image);
  container.inside([&] {
    bind_mount(volume.host_path("/own"), image.host_path("/usr/lib64/libcuda.so.580.1"));
  });
  const Tree before = tree_of(volume.root().text());
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
  EXPECT_EQ(tree_of(volume.root().text()), before);
}

// --- directories

TEST_F(Volume, AboveADirectoryIsRefusedAndUnchanged) {
  image.directory("/tmp");
  image.directory("/etc/nvidia");
  const FakeContainer container(image);
  for (const char* const path : {"/run", "/tmp", "/dev", "/etc/nvidia"})
    mount_volume(container, volume, path);
  expect_refusal_and_unchanged(container, required(bind_udev()));
  expect_refusal_and_unchanged(container, required(bind_mps()));
  expect_refusal_and_unchanged(container, required(bind_capabilities()));
  expect_refusal_and_unchanged(container, required(mask_profiles()));
  expect_refusal_and_unchanged(container, required(link_by_path()));
}

TEST_F(Volume, AboveADirectoryReceivesItNotEvenForAMoment) {
  image.directory("/tmp");
  image.directory("/etc/nvidia");
  const FakeContainer container(image);
  for (const char* const path : {"/tmp", "/etc/nvidia"}) mount_volume(container, volume, path);
  for (const Op& op : std::vector<Op>{bind_mps(), mask_profiles()}) {
    FailingKernel kernel;
    EXPECT_NE(error_line(apply(kernel, host.plan({required(op)}), container)), "");
    EXPECT_EQ(kernel.count("mkdirat"), 0U) << target_of(op)->text();
  }
}

TEST_F(Volume, WithTheDirectoryAlreadyInItIsRefusedAndUnchanged) {
  for (const char* const path : {"/udev", "/nvidia-mps", "/nvidia-caps", "/dri/by-path",
                                 "/nvidia-application-profiles-rc.d"})
    volume.directory(path);
  image.directory("/tmp");
  image.directory("/etc/nvidia");
  const FakeContainer container(image);
  for (const char* const path : {"/run", "/tmp", "/dev", "/etc/nvidia"})
    mount_volume(container, volume, path);
  expect_refusal_and_unchanged(container, required(bind_udev()));
  expect_refusal_and_unchanged(container, required(bind_mps()));
  expect_refusal_and_unchanged(container, required(bind_capabilities()));
  expect_refusal_and_unchanged(container, required(mask_profiles()));
  expect_refusal_and_unchanged(container, required(link_by_path()));
}

TEST_F(Volume, OverEtcSkipsTheApplicationProfilesWithTheirReason) {
  const FakeContainer container(image);
  mount_volume(container, volume, "/etc");
  const World before = look(container);
  const InjectionPlan plan = host.plan({optional(mask_profiles())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre("skipped: preparing \"/etc/nvidia/nvidia-application-profiles-rc.d\": "
                          "opening directory \"/etc/nvidia\": \"/etc\" lies on a volume or "
                          "pseudo file system of the container; do not mount volumes over the "
                          "directories that receive driver files"));
  expect_same(before, look(container));
  EXPECT_TRUE(fs::is_empty(volume.root().text()));
}

TEST_F(Volume, InTheDirectorysOwnPlaceIsCoveredAndUnchanged) {
  volume.write("/own", "the volume's own");
  const std::string profiles = "/etc/nvidia/nvidia-application-profiles-rc.d";
  image.directory("/tmp/nvidia-mps");
  image.directory(profiles);
  const FakeContainer container(image);
  mount_volume(container, volume, "/tmp/nvidia-mps");
  mount_volume(container, volume, profiles);
  const Tree before = tree_of(volume.root().text());
  const InjectionPlan plan = host.plan({required(bind_mps()), required(mask_profiles())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  EXPECT_FALSE(fs::exists(container.seen("/tmp/nvidia-mps/own")));
  EXPECT_FALSE(fs::exists(container.seen(profiles + "/own")));
  EXPECT_EQ(tree_of(volume.root().text()), before);
}

TEST_F(Volume, InMemoryReceivesDirectories) {
  image.directory("/tmp");
  const FakeContainer container(image);
  container.inside([&] {
    mount_new("tmpfs", image.host_path("/run"));
    mount_new("tmpfs", image.host_path("/tmp"));
  });
  const InjectionPlan plan = host.plan({required(bind_udev()), required(bind_mps())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  EXPECT_TRUE(fs::is_empty(image.host_path("/run")));
  EXPECT_TRUE(fs::is_empty(image.host_path("/tmp")));
  EXPECT_EQ(container.text("/run/udev/data/c226:0"), "the host's udev database");
}

// As privileged containers have it that are given all nodes of the host.
TEST_F(Volume, OfAllTheHostsNodesGivesTheirDirectoryAlready) {
  const FakeContainer container(image);
  container.inside([&] { bind_mount(host.devices.host_path("/dev"), image.host_path("/dev")); });
  const World before = look(container);
  const InjectionPlan plan = host.plan({required(bind_capabilities())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("already"));
  expect_same(before, look(container));
}

// --- file systems that are no place for files

TEST_F(Volume, ProcfsAsLibraryDirectoryIsRefused) {
  image.directory("/proc");
  fs::remove_all(image.host_path("/usr/lib64"));
  image.link("/usr/lib64", "/proc/sys/fs");
  const FakeContainer container(image);
  container.inside([&] { bind_mount_recursively("/proc", image.host_path("/proc")); });
  expect_refusal(container, {required(bind_cuda())}, ErrorKind::kRefused);
}

TEST_F(Volume, ProcfsAsEtcIsRefused) {
  fs::remove_all(image.host_path("/etc"));
  image.link("/etc", "/proc/sys/kernel");
  const FakeContainer container(image);
  container.inside([&] { bind_mount_recursively("/proc", image.host_path("/proc")); });
  const std::string before = text_of_file("/proc/sys/kernel/core_pattern");
  expect_refusal(container, {required(update_cache())}, ErrorKind::kRefused);
  EXPECT_EQ(text_of_file("/proc/sys/kernel/core_pattern"), before);
}

TEST_F(Volume, ACacheThatIsALinkIntoProcfsIsReplacedAndTheProcfsFileUnchanged) {
  fs::remove(image.host_path("/etc/ld.so.cache"));
  image.link("/etc/ld.so.cache", "/proc/sys/kernel/core_pattern");
  const FakeContainer container(image);
  container.inside([&] { bind_mount_recursively("/proc", image.host_path("/proc")); });
  const std::string before = text_of_file("/proc/sys/kernel/core_pattern");
  EXPECT_EQ(error_line(apply(host.plan({required(update_cache())}), container)), "");
  EXPECT_EQ(text_of_file("/proc/sys/kernel/core_pattern"), before);
  EXPECT_TRUE(fs::symlink_status(image.host_path("/etc/ld.so.cache")).type() ==
              fs::file_type::regular);
}

TEST_F(Volume, SysfsAsLibraryDirectoryIsRefused) {
  image.directory("/sys");
  fs::remove_all(image.host_path("/usr/lib64"));
  image.link("/usr/lib64", "/sys/kernel");
  const FakeContainer container(image);
  container.inside([&] { bind_mount_recursively("/sys", image.host_path("/sys")); });
  expect_refusal(container, {required(bind_cuda())}, ErrorKind::kRefused);
}

TEST_F(Volume, DevptsAsLibraryDirectoryIsRefused) {
  fs::remove_all(image.host_path("/usr/lib64"));
  image.link("/usr/lib64", "/dev/pts");
  const FakeContainer container(image);
  container.inside([&] {
    image.directory("/dev/pts");
    bind_mount_recursively("/dev/pts", image.host_path("/dev/pts"));
  });
  expect_refusal(container, {required(bind_cuda())}, ErrorKind::kRefused);
}

TEST_F(Volume, ATmpfsOverProcIsLeftAlone) {
  const FakeContainer container(image);
  container.inside([&] { mount_new("tmpfs", image.host_path("/proc")); });
  const World before = look(container);
  EXPECT_EQ(error_line(apply(host.plan({required(mask_proc())}), container)), "");
  expect_same(before, look(container));
}

// --- propagation

TEST_F(Volume, ASharedRootDirectoryIsRefusedBeforeAnythingIsMounted) {
  const FakeContainer container(image);
  container.inside([&] { change_mount(image.root().text(), MS_SHARED); });
  const World before = look(container);
  FailingKernel kernel;
  const Result<Report> report = apply(kernel, host.plan({required(bind_cuda())}), container);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kRefused) << to_line(report.error());
  EXPECT_EQ(kernel.count("setns_mount"), 0U);
  EXPECT_EQ(kernel.count("move_mount"), 0U);
  expect_same(before, look(container));
}

TEST_F(Volume, ASharedDevIsRefusedBeforeAnythingIsMounted) {
  const FakeContainer container(image);
  container.inside([&] { change_mount(image.host_path("/dev"), MS_SHARED); });
  FailingKernel kernel;
  const World before = look(container);
  const Result<Report> report =
      apply(kernel, host.plan({required(bind_cuda()), required(bind_gpu())}), container);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kRefused) << to_line(report.error());
  EXPECT_EQ(kernel.count("move_mount"), 0U);
  expect_same(before, look(container));
}

TEST_F(Volume, ASharedDevSkipsAnOptionalOpWithoutATrace) {
  const FakeContainer container(image);
  container.inside([&] { change_mount(image.host_path("/dev"), MS_SHARED); });
  const Tree before = tree_of(container.seen("/dev"));
  const InjectionPlan plan = host.plan({optional(bind_gpu()), required(bind_cuda())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre(::testing::StartsWith("skipped: "), "done"));
  EXPECT_EQ(changes(before, tree_of(container.seen("/dev"))), Tree());
}

TEST_F(Volume, ASharedRootDirectoryIsRefusedForDirectories) {
  const FakeContainer container(image);
  container.inside([&] { change_mount(image.root().text(), MS_SHARED); });
  for (const Op& op : std::vector<Op>{bind_udev(), bind_mps(), mask_profiles(), mask_gpus()})
    expect_refusal(container, {required(op)}, ErrorKind::kRefused);
}

TEST_F(Volume, ASharedVolumeInTheDirectorysOwnPlaceIsRefused) {
  image.directory("/tmp/nvidia-mps");
  const FakeContainer container(image);
  mount_volume(container, volume, "/tmp/nvidia-mps");
  container.inside([&] { change_mount(image.host_path("/tmp/nvidia-mps"), MS_SHARED); });
  expect_refusal_and_unchanged(container, required(bind_mps()));
}

TEST_F(Volume, ASharedMountElsewhereIsNoObstacle) {
  image.directory("/data");
  const FakeContainer container(image);
  mount_volume(container, volume, "/data");
  container.inside([&] { change_mount(image.host_path("/data"), MS_SHARED); });
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
}

TEST_F(Volume, ARootDirectoryThatReceivesMountsOfTheHostIsNoObstacle) {
  const FakeContainer container(image);
  container.inside([&] {
    change_mount(image.root().text(), MS_SHARED);
    change_mount(image.root().text(), MS_SLAVE);
  });
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
}

// --- read-only root directories

TEST_F(Volume, AReadOnlyRootDirectoryIsAnErrorWhereStubsAreMissing) {
  const FakeContainer container(image);
  container.inside([&] { change_mount(image.root().text(), MS_REMOUNT | MS_BIND | MS_RDONLY); });
  expect_refusal(container, {required(bind_cuda())}, ErrorKind::kSystem);
}

TEST_F(Volume, AReadOnlyRootDirectoryWithAllStubsReceivesTheFiles) {
  image.write("/usr/lib64/libcuda.so.580.1", "");
  const FakeContainer container(image);
  container.inside([&] { change_mount(image.root().text(), MS_REMOUNT | MS_BIND | MS_RDONLY); });
  const InjectionPlan plan = host.plan({required(bind_cuda()), required(bind_gpu())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
}

}  // namespace
}  // namespace gpuhook::testing
