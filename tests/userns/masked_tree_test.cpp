// SPDX-License-Identifier: Apache-2.0
// Directories of the container that show only what the plan puts into them.
#include <gmock/gmock.h>

#include <filesystem>

#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

using ApplyMaskedTree = ApplyTest;

// The paths below a directory of the container -> "directory", "file", ...
Tree kinds_in(const FakeContainer& container, const std::string& directory) {
  Tree kinds;
  for (const auto& [path, what] : tree_of(container.seen(directory)))
    kinds[path] = what.substr(0, what.find(' '));
  return kinds;
}

TEST_F(ApplyMaskedTree, ShowsThePlannedFilesAndNothingElse) {
  image.write("/proc/driver/nvidia/version", "the host's version");
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(mask_proc())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(kinds_in(container, "/proc/driver/nvidia"),
            (Tree{{".", "directory"},
                  {"/gpus", "directory"},
                  {"/gpus/0000:0a:00.0", "directory"},
                  {"/gpus/0000:0a:00.0/information", "file"},
                  {"/params", "file"}}));
  EXPECT_EQ(container.text("/proc/driver/nvidia/params"), "ModifyDeviceFiles: 0\n");
}

TEST_F(ApplyMaskedTree, IsATmpfsThatNobodyCanWriteTo) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(mask_proc())}), container)), "");
  EXPECT_EQ(container.mount_options("/proc/driver/nvidia"), "ro,nosuid,nodev,noexec");
  EXPECT_EQ(mount_at(container.pid(), container.mount_point("/proc/driver/nvidia"))->type, "tmpfs");
  EXPECT_EQ(mode_of(container.seen("/proc/driver/nvidia")), 0555U);
  EXPECT_EQ(mode_of(container.seen("/proc/driver/nvidia/params")), 0444U);
}

TEST_F(ApplyMaskedTree, LeavesWhatIsBelowUnchanged) {
  const Tree before = tree_of(image.root().text());
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(mask_proc())}), container)), "");
  EXPECT_EQ(tree_of(image.root().text()), before);
}

TEST_F(ApplyMaskedTree, IsSkippedWhereThereIsNothingToHide) {
  fs::remove_all(image.host_path("/proc/driver"));
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(mask_proc())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre("skipped: the container has no such directory, so there is nothing to "
                          "hide"));
  EXPECT_FALSE(fs::exists(image.host_path("/proc/driver")));
}

// --- of the GPUs alone: the driver's other files stay as they are

using ApplyMaskedGpus = ApplyTest;

TEST_F(ApplyMaskedGpus, ShowsThePlannedGpusAndTheDriversOwnFilesBesideThem) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(mask_gpus())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(kinds_in(container, "/proc/driver/nvidia"),
            (Tree{{".", "directory"},
                  {"/gpus", "directory"},
                  {"/gpus/0000:0a:00.0", "directory"},
                  {"/gpus/0000:0a:00.0/information", "file"},
                  {"/params", "file"}}));
  EXPECT_EQ(container.text("/proc/driver/nvidia/gpus/0000:0a:00.0/information"), "Model: H100\n");
  EXPECT_EQ(container.text("/proc/driver/nvidia/params"), "the host's params");
}

TEST_F(ApplyMaskedGpus, ShowsNoneWhereNoneIsPlanned) {
  MaskedTree none = mask_gpus();
  none.files.clear();
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(none)});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_TRUE(fs::is_empty(container.seen("/proc/driver/nvidia/gpus")));
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("already"));
}

TEST_F(ApplyMaskedGpus, IsATmpfsThatNobodyCanWriteTo) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(mask_gpus())}), container)), "");
  EXPECT_EQ(container.mount_options("/proc/driver/nvidia/gpus"), "ro,nosuid,nodev,noexec");
  EXPECT_EQ(mounts_at(container.pid(), container.mount_point("/proc/driver/nvidia")), 0U);
}

TEST_F(ApplyMaskedGpus, IsSkippedWhereThereAreNone) {
  fs::remove_all(image.host_path("/proc/driver/nvidia/gpus"));
  const FakeContainer container(image);
  const World before = look(container);
  const InjectionPlan plan = host.plan({required(mask_gpus())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre("skipped: the container has no such directory, so there is nothing to "
                          "hide"));
  expect_same(before, look(container));
}

TEST_F(ApplyMaskedGpus, FollowsNoLinkOnTheWay) {
  fs::rename(image.host_path("/proc/driver/nvidia"), image.host_path("/proc/driver/real"));
  image.link("/proc/driver/nvidia", "real");
  expect_refusal({required(mask_gpus())}, ErrorKind::kSystem);
}

// --- that is made where the image has none

using ApplyCreatedTree = ApplyTest;

TEST_F(ApplyCreatedTree, MakesTheDirectoryAndTheOneAboveIt) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(mask_profiles())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(container.text("/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf"),
            "{\"profiles\": []}\n");
  EXPECT_EQ(mode_of(image.host_path("/etc/nvidia")), 0755U);
  EXPECT_EQ(mode_of(image.host_path("/etc/nvidia/nvidia-application-profiles-rc.d")), 0755U);
  EXPECT_TRUE(fs::is_empty(image.host_path("/etc/nvidia/nvidia-application-profiles-rc.d")));
}

TEST_F(ApplyCreatedTree, IsATmpfsThatNobodyCanWriteTo) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(mask_profiles())}), container)), "");
  const std::string path = "/etc/nvidia/nvidia-application-profiles-rc.d";
  EXPECT_EQ(container.mount_options(path), "ro,nosuid,nodev,noexec");
  const auto mount = mount_at(container.pid(), container.mount_point(path));
  ASSERT_TRUE(mount.has_value());
  EXPECT_EQ(mount->type, "tmpfs");
  EXPECT_EQ(mount->propagation, "");
  EXPECT_EQ(mode_of(container.seen(path)), 0555U);
  EXPECT_EQ(mode_of(container.seen(path + "/10-container.conf")), 0444U);
}

TEST_F(ApplyCreatedTree, HidesWhatTheImageHasThereWithoutChangingIt) {
  image.write("/etc/nvidia/nvidia-application-profiles-rc.d/50-own.conf", "the image's own");
  image.write("/etc/nvidia/own.conf", "the image's own");
  const Tree before = tree_of(image.root().text());
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(mask_profiles())}), container)), "");
  EXPECT_EQ(kinds_in(container, "/etc/nvidia"),
            (Tree{{".", "directory"},
                  {"/nvidia-application-profiles-rc.d", "directory"},
                  {"/nvidia-application-profiles-rc.d/10-container.conf", "file"},
                  {"/own.conf", "file"}}));
  EXPECT_EQ(tree_of(image.root().text()), before);
}

TEST_F(ApplyCreatedTree, CoversATreeOfOtherContent) {
  MaskedTree other = mask_profiles();
  other.files[0].content = "{\"profiles\": [1]}\n";
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(mask_profiles())}), container)), "");
  const InjectionPlan plan = host.plan({required(other)});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(container.text("/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf"),
            "{\"profiles\": [1]}\n");
}

TEST_F(ApplyCreatedTree, IsSkippedWithItsReasonWhenOptionalAndALinkIsInTheWay) {
  image.link("/etc/nvidia/nvidia-application-profiles-rc.d", "/etc");
  const FakeContainer container(image);
  const World before = look(container);
  const InjectionPlan plan = host.plan({optional(mask_profiles())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre("skipped: preparing \"/etc/nvidia/nvidia-application-profiles-rc.d\": "
                          "\"/etc/nvidia/nvidia-application-profiles-rc.d\" in the container is a "
                          "symbolic link; remove it from the image"));
  expect_same(before, look(container));
}

TEST_F(ApplyCreatedTree, IsSkippedWithItsReasonWhenOptionalAndAFileIsInTheWay) {
  image.write("/etc/nvidia/nvidia-application-profiles-rc.d", "the image's own");
  const FakeContainer container(image);
  const World before = look(container);
  const InjectionPlan plan = host.plan({optional(mask_profiles())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre("skipped: preparing \"/etc/nvidia/nvidia-application-profiles-rc.d\": "
                          "\"/etc/nvidia/nvidia-application-profiles-rc.d\" in the container is a "
                          "regular file; remove it from the image"));
  expect_same(before, look(container));
}

TEST_F(ApplyCreatedTree, IsRefusedWhereTheDirectoryAboveIsAFile) {
  image.write("/etc/nvidia", "the image's own");
  expect_refusal({required(mask_profiles())}, ErrorKind::kSystem);
}

}  // namespace
}  // namespace gpuhook::testing
