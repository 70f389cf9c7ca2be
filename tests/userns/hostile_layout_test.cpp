// SPDX-License-Identifier: Apache-2.0
// Images whose directories are links: what leads out of the image ends inside it or nowhere.
#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/text.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;

class HostileLayout : public ApplyTest {
 protected:
  void replace_by_link(const std::string& path, const std::string& text) const {
    fs::remove_all(image.host_path(path));
    image.link(path, text);
  }
  // Applies a library in a new container: success, and the library lies in this directory of the
  // image.
  void expect_library_in(const std::string& directory) {
    const Tree canary = tree_of(host.canary.root().text());
    const FakeContainer container(image);
    EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
    EXPECT_EQ(container.text(directory + "/libcuda.so.580.1"), "the host's libcuda");
    EXPECT_EQ(tree_of(host.canary.root().text()), canary);
  }
  // The same: an error, and nothing has changed.
  void expect_no_library() {
    const FakeContainer container(image);
    const World before = look(container);
    EXPECT_NE(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
    expect_same(before, look(container));
  }
};

TEST_F(HostileLayout, AnAbsoluteLinkToTheHostEndsInsideTheImage) {
  replace_by_link("/usr/lib64", host.canary.host_path("/lib"));
  expect_no_library();
}

TEST_F(HostileLayout, AnAbsoluteLinkToTheHostFindsTheImagesOwnDirectoryOfThatName) {
  replace_by_link("/usr/lib64", host.canary.host_path("/lib"));
  image.directory(host.canary.host_path("/lib"));
  expect_library_in(host.canary.host_path("/lib"));
}

TEST_F(HostileLayout, ARelativeLinkOutOfTheImageEndsInsideIt) {
  replace_by_link("/usr/lib64", "../../../../../../../.." + host.canary.host_path("/lib"));
  expect_no_library();
}

TEST_F(HostileLayout, ARelativeLinkOutOfTheImageStopsAtItsRoot) {
  image.directory("/data");
  replace_by_link("/usr/lib64", "../../../../../../../../data");
  expect_library_in("/data");
}

TEST_F(HostileLayout, ALinkInsideTheImageIsFollowed) {
  replace_by_link("/usr/lib64", "lib");
  expect_library_in("/usr/lib");
}

TEST_F(HostileLayout, ALinkAboveTheDirectoryIsFollowed) {
  fs::rename(image.host_path("/usr"), image.host_path("/system"));
  image.link("/usr", "system");
  expect_library_in("/system/lib64");
}

TEST_F(HostileLayout, ALinkWithDotsInItIsFollowed) {
  image.directory("/a/b/c");
  image.directory("/data");
  replace_by_link("/usr/lib64", "/a/b/c/../../../data");
  expect_library_in("/data");
}

TEST_F(HostileLayout, ADanglingLinkIsNotCreatedThrough) {
  replace_by_link("/usr/lib64", "/nope");
  expect_no_library();
}

TEST_F(HostileLayout, ADanglingLinkAboveTheDirectoryIsNotCreatedThrough) {
  replace_by_link("/usr", "/nope");
  expect_no_library();
}

TEST_F(HostileLayout, ALinkToItselfIsAnError) {
  replace_by_link("/usr/lib64", "lib64");
  expect_no_library();
}

TEST_F(HostileLayout, TwoLinksToEachOtherAreAnError) {
  replace_by_link("/usr/lib64", "other");
  image.link("/usr/other", "lib64");
  expect_no_library();
}

TEST_F(HostileLayout, AChainOfFortyOneLinksIsAnError) {
  image.directory("/chain/41");
  for (int i = 0; i < 41; ++i) image.link(concat("/chain/", i), std::to_string(i + 1));
  replace_by_link("/usr/lib64", "/chain/1");
  expect_no_library();
}

TEST_F(HostileLayout, AFileInThePlaceOfTheDirectoryIsAnError) {
  fs::remove_all(image.host_path("/usr/lib64"));
  image.write("/usr/lib64", "");
  expect_no_library();
}

TEST_F(HostileLayout, AFileAboveTheDirectoryIsAnError) {
  fs::remove_all(image.host_path("/usr"));
  image.write("/usr", "");
  expect_no_library();
}

TEST_F(HostileLayout, AFifoInThePlaceOfTheDirectoryIsAnErrorAndDoesNotBlock) {
  fs::remove_all(image.host_path("/usr/lib64"));
  image.fifo("/usr/lib64");
  expect_no_library();
}

class MagicLink : public HostileLayout, public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(HostileLayout, MagicLink,
                         ::testing::Values("/proc/self/root/usr/lib", "/proc/self/cwd",
                                           "/proc/thread-self/root/usr/lib", "/proc/self/fd/3",
                                           "/proc/self/../self/root/usr/lib"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return std::isalnum(c) == 0; }, '_');
                           return name.substr(1);
                         });

TEST_P(MagicLink, IsNotFollowed) {
  replace_by_link("/usr/lib64", GetParam());
  const FakeContainer container(image);
  container.inside([&] { bind_mount_recursively("/proc", image.host_path("/proc")); });
  const World before = look(container);
  const Result<Report> report = apply(host.plan({required(bind_cuda())}), container);
  ASSERT_FALSE(report.has_value());
  expect_same(before, look(container));
}

TEST_F(HostileLayout, DevAsALinkToTheHostIsAnError) {
  replace_by_link("/dev", host.canary.root().text());
  const FakeContainer container(image, {.dev_is_tmpfs = false});
  const Tree before = tree_of(image.root().text());
  const Tree canary = tree_of(host.canary.root().text());
  EXPECT_NE(error_line(apply(host.plan({required(bind_gpu())}), container)), "");
  EXPECT_EQ(tree_of(image.root().text()), before);
  EXPECT_EQ(tree_of(host.canary.root().text()), canary);
}

TEST_F(HostileLayout, DevAsALinkInsideTheImageIsFollowed) {
  image.directory("/devices");
  replace_by_link("/dev", "devices");
  const FakeContainer container(image, {.dev_is_tmpfs = false});
  EXPECT_EQ(error_line(apply(host.plan({required(bind_gpu())}), container)), "");
  EXPECT_EQ(container.mount_options("/devices/nvidia0"), "ro,nosuid,noexec");
}

TEST_F(HostileLayout, ProcAsALinkIsRefused) {
  fs::rename(image.host_path("/proc"), image.host_path("/real"));
  image.link("/proc", "real");
  expect_refusal({required(mask_proc())}, ErrorKind::kSystem);
}

TEST_F(HostileLayout, ProcAsALinkToTheHostIsRefused) {
  replace_by_link("/proc", "/");
  expect_refusal({required(mask_proc())}, ErrorKind::kSystem);
}

TEST_F(HostileLayout, EtcAsAChainOfLinksIsFollowed) {
  image.directory("/usr/share");
  fs::rename(image.host_path("/etc"), image.host_path("/usr/share/etc"));
  image.link("/etc", "usr/etc");
  image.link("/usr/etc", "share/etc");
  const FakeContainer container(image);
  const Tree before = tree_of(image.root().text());
  EXPECT_EQ(error_line(apply(host.plan({required(update_cache())}), container)), "");
  EXPECT_NE(tree_of(image.root().text()).at("/usr/share/etc/ld.so.cache"),
            before.at("/usr/share/etc/ld.so.cache"));
}

TEST_F(HostileLayout, EtcAsALinkToTheHostIsAnError) {
  replace_by_link("/etc", host.canary.root().text());
  const FakeContainer container(image);
  const World before = look(container);
  EXPECT_NE(error_line(apply(host.plan({required(update_cache())}), container)), "");
  expect_same(before, look(container));
}

class HostileDirectory : public HostileLayout {
 protected:
  // Applies in a new container: an error, and nothing has changed, on the host neither.
  void expect_nothing(const std::vector<PlannedOp>& ops) {
    const FakeContainer container(image);
    const World before = look(container);
    EXPECT_NE(error_line(apply(host.plan(ops), container)), "");
    expect_same(before, look(container));
  }
};

TEST_F(HostileDirectory, BelowALinkToTheHostIsNotCreated) {
  replace_by_link("/run", host.canary.host_path("/lib"));
  replace_by_link("/tmp", host.canary.host_path("/lib"));
  replace_by_link("/etc/nvidia", host.canary.host_path("/lib"));
  expect_nothing({required(bind_udev())});
  expect_nothing({required(bind_mps())});
  expect_nothing({required(mask_profiles())});
}

TEST_F(HostileDirectory, BelowADanglingLinkIsNotCreated) {
  replace_by_link("/run", "/nope");
  replace_by_link("/tmp", "/nope");
  replace_by_link("/etc/nvidia", "/nope");
  replace_by_link("/usr/lib64/gbm", "/nope");
  expect_nothing({required(bind_udev())});
  expect_nothing({required(bind_mps())});
  expect_nothing({required(mask_profiles())});
  expect_nothing({required(link_gbm())});
}

TEST_F(HostileDirectory, BelowALinkInsideTheImageIsMadeThere) {
  image.directory("/var/tmp");
  image.directory("/usr/etc/nvidia");
  replace_by_link("/tmp", "var/tmp");
  replace_by_link("/etc/nvidia", "../usr/etc/nvidia");
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(bind_mps()), required(mask_profiles())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  EXPECT_EQ(container.mount_options("/var/tmp/nvidia-mps"), "rw,nosuid,nodev,noexec");
  EXPECT_EQ(container.mount_options("/usr/etc/nvidia/nvidia-application-profiles-rc.d"),
            "ro,nosuid,nodev,noexec");
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("already"));
}

// Stubs would otherwise be made, and links put, on the host.
TEST_F(HostileDirectory, ThatTheLibraryDirectoryLeadsToReceivesNoLibrary) {
  image.directory("/tmp/nvidia-mps");
  replace_by_link("/usr/lib64", "/tmp/nvidia-mps");
  expect_nothing({required(bind_cuda()), required(link_cuda()), required(bind_mps())});
  expect_nothing({required(bind_mps()), required(bind_cuda()), required(link_cuda())});
}

TEST_F(HostileDirectory, OfAnEarlierRunThatTheLibraryDirectoryLeadsToReceivesNoLibrary) {
  image.directory("/tmp/nvidia-mps");
  replace_by_link("/usr/lib64", "/tmp/nvidia-mps");
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_mps())}), container)), "");
  expect_refusal(container, {required(bind_cuda())}, ErrorKind::kRefused);
  expect_refusal(container, {required(link_cuda())}, ErrorKind::kRefused);
}

TEST_F(HostileDirectory, OfAnEarlierRunThatIsHiddenReceivesNoLibrary) {
  image.directory("/etc/nvidia/nvidia-application-profiles-rc.d");
  replace_by_link("/usr/lib64", "/etc/nvidia/nvidia-application-profiles-rc.d");
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(mask_profiles())}), container)), "");
  expect_refusal(container, {required(bind_cuda())}, ErrorKind::kSystem);
}

// Two directories of a plan that are one in the image.
class Alias : public HostileLayout {
 protected:
  Alias() {
    image.directory("/usr/lib/x86_64-linux-gnu");
    replace_by_link("/usr/lib64", "lib/x86_64-linux-gnu");
  }
  static BindFile the_same_through_the_other_name() {
    return {.source = HostPath::literal("/usr/lib64/libcuda.so.580.1"),
            .target = ContainerPath::literal("/usr/lib/x86_64-linux-gnu/libcuda.so.580.1")};
  }
};

TEST_F(Alias, OfTwoFilesIsRefused) {
  expect_refusal({required(bind_cuda()), required(the_same_through_the_other_name())},
                 ErrorKind::kRefused);
}

TEST_F(Alias, OfAnOptionalFileIsMountedOnce) {
  const FakeContainer container(image);
  const InjectionPlan plan =
      host.plan({required(bind_cuda()), optional(the_same_through_the_other_name())});
  EXPECT_EQ(error_line(apply(plan, container)), "");
  EXPECT_EQ(mounts_at(container.pid(),
                      container.mount_point("/usr/lib/x86_64-linux-gnu/libcuda.so.580.1")),
            1U);
}

TEST_F(Alias, OfAFileAndALinkIsRefused) {
  MakeLink link = link_cuda();
  link.target = ContainerPath::literal("/usr/lib/x86_64-linux-gnu/libcuda.so.580.1");
  link.points_to = "libcuda.so.1";
  expect_refusal({required(bind_cuda()), required(link)}, ErrorKind::kRefused);
}

TEST_F(Alias, OfTwoEqualLinksIsOneLink) {
  MakeLink other = link_cuda();
  other.target = ContainerPath::literal("/usr/lib/x86_64-linux-gnu/libcuda.so.1");
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(link_cuda()), required(other)});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ::testing::ElementsAre("done", "already"));
}

TEST_F(HostileLayout, AnImageWithNothingInItReceivesEverythingButProc) {
  for (const auto& entry : fs::directory_iterator(image.root().text())) {
    if (entry.path().filename() != "dev") fs::remove_all(entry.path());
  }
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan(all_ops());
  const std::vector<std::string> words = outcomes(plan, apply(plan, container));
  EXPECT_EQ(std::count(words.begin(), words.end(), "done"),
            static_cast<std::ptrdiff_t>(words.size()) - 1);
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
}

TEST_F(HostileLayout, DirectoriesThatNobodyMayEnterAreNoObstacle) {
  fs::permissions(image.host_path("/usr/lib64"), fs::perms::none);
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(bind_cuda())}), container)), "");
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
}

}  // namespace
}  // namespace gpuhook::testing
