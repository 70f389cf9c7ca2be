// SPDX-License-Identifier: Apache-2.0
// Which processes and directories are containers, and which are refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/unique_fd.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;

class TargetOfProcess : public ::testing::Test {
 protected:
  static std::string kind_of_error(std::int64_t pid, const HostPath& rootfs) {
    const Result<Target> target = Target::of_process(pid, rootfs);
    return target ? "none" : std::string(name_of(target.error().kind));
  }

  TempTree image = small_image();
};

TEST_F(TargetOfProcess, IsTheContainer) {
  const FakeContainer container(image);
  EXPECT_EQ(kind_of_error(container.pid(), image.root()), "none");
}

TEST_F(TargetOfProcess, IsTheContainerAfterPivotRoot) {
  const FakeContainer container(image, {.pivoted = true});
  EXPECT_EQ(kind_of_error(container.pid(), image.root()), "none");
}

TEST_F(TargetOfProcess, FollowsALinkToTheRootDirectory) {
  const FakeContainer container(image);
  const TempTree bundle;
  bundle.link("/rootfs", image.root().text());
  EXPECT_EQ(kind_of_error(container.pid(), bundle.root() / "rootfs"), "none");
}

TEST_F(TargetOfProcess, RefusesAProcessOfOurOwnMountNamespace) {
  EXPECT_EQ(kind_of_error(getpid(), image.root()), "refused");
}

TEST_F(TargetOfProcess, RefusesAProcessThatHasEnded) {
  const pid_t ended = start_child([] {});
  wait_for(ended);
  EXPECT_EQ(kind_of_error(ended, image.root()), "not-found");
}

TEST_F(TargetOfProcess, RefusesAProcessThatHasEndedAndIsNotReaped) {
  const pid_t zombie = start_child([] {});
  siginfo_t info{};
  require(waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT) == 0, "waitid");
  EXPECT_EQ(kind_of_error(zombie, image.root()), "not-found");
  wait_for(zombie);
}

TEST_F(TargetOfProcess, RefusesTheRootOfTheHost) {
  const FakeContainer container(image);
  EXPECT_EQ(kind_of_error(container.pid(), HostPath()), "refused");
}

TEST_F(TargetOfProcess, RefusesALinkToTheRootOfTheHost) {
  const FakeContainer container(image);
  const TempTree bundle;
  bundle.link("/rootfs", "/");
  EXPECT_EQ(kind_of_error(container.pid(), bundle.root() / "rootfs"), "refused");
}

TEST_F(TargetOfProcess, RefusesARootDirectoryThatIsNoMountOfItsOwn) {
  const FakeContainer container(image, {.root_is_mount = false, .dev_is_tmpfs = false});
  EXPECT_EQ(kind_of_error(container.pid(), image.root()), "refused");
}

TEST_F(TargetOfProcess, RefusesARootDirectoryThatDoesNotExist) {
  const FakeContainer container(image);
  EXPECT_EQ(kind_of_error(container.pid(), image.root() / "nope"), "not-found");
}

TEST_F(TargetOfProcess, RefusesARootDirectoryThatIsAFile) {
  const FakeContainer container(image);
  EXPECT_EQ(kind_of_error(container.pid(), image.root() / "etc/passwd"), "system");
}

TEST_F(TargetOfProcess, RefusesPidsThatNoContainerHas) {
  EXPECT_EQ(kind_of_error(0, image.root()), "bad-input");
  EXPECT_EQ(kind_of_error(1, image.root()), "bad-input");
  EXPECT_EQ(kind_of_error(-1, image.root()), "bad-input");
  EXPECT_EQ(kind_of_error(std::int64_t{1} << 32U, image.root()), "bad-input");
}

TEST_F(TargetOfProcess, StaysTheContainerWhenItsDirectoryIsRenamed) {
  const FakeContainer container(image);
  const HostSide host;
  const Target target = container.target();
  const TempTree elsewhere;
  fs::rename(image.root().text(), elsewhere.host_path("/moved"));
  fs::create_directory(image.root().text());
  const Result<Report> report = apply_plan(host.plan({required(bind_cuda())}), target, Config());
  EXPECT_EQ(error_line(report), "");
  EXPECT_TRUE(fs::exists(elsewhere.host_path("/moved/usr/lib64/libcuda.so.580.1")));
  EXPECT_TRUE(fs::is_empty(image.root().text()));
}

using ApplyToTarget = ApplyTest;

TEST_F(ApplyToTarget, IsRefusedWhenTheContainerHasEndedMeanwhile) {
  FakeContainer container(image);
  const Target target = container.target();
  const Tree before = tree_of(image.root().text());
  container.end();
  const Result<Report> report = apply_plan(host.plan({required(bind_cuda())}), target, Config());
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kNotFound) << to_line(report.error());
  EXPECT_EQ(tree_of(image.root().text()), before);
}

TEST_F(ApplyToTarget, IsTakenBackWhenTheContainerEndsBeforeItIsEntered) {
  FakeContainer container(image);
  const Tree before = tree_of(image.root().text());
  FailingKernel kernel;
  kernel.before("setns_mount", "", 1, [&] { container.end(); });
  const Result<Report> report = apply(kernel, host.plan({required(bind_cuda())}), container);
  EXPECT_NE(error_line(report), "");
  EXPECT_EQ(kernel.count("move_mount"), 0U);
  EXPECT_EQ(tree_of(image.root().text()), before);
}

TEST_F(ApplyToTarget, IsAnErrorWhenTheWayHomeIsBarred) {
  const FakeContainer container(image);
  const UniqueFd home(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  FailingKernel kernel;
  kernel.fail("setns_mount", 2, EPERM);
  const Result<Report> report = apply(kernel, host.plan({required(bind_cuda())}), container);
  require(setns(home.get(), CLONE_NEWNS) == 0, "setns");
  EXPECT_NE(error_line(report), "");
}

}  // namespace
}  // namespace gpuhook::testing
