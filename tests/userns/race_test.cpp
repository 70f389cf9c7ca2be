// SPDX-License-Identifier: Apache-2.0
// Somebody changes the image while it is being prepared: at chosen moments, and as fast as
// possible.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "base/text.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;

void exchange(const std::string& one, const std::string& other) {
  require(renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0,
          "renameat2");
}

class Race : public ApplyTest {
 protected:
  // Applies, with `action` at one moment: an error, and the canary is as it was.
  void expect_error(const std::vector<PlannedOp>& ops, const FakeContainer& container) {
    const Tree canary = tree_of(host.canary.root().text());
    const std::string mounts = mountinfo_of(getpid());
    EXPECT_NE(error_line(apply(kernel, host.plan(ops), container)), "");
    EXPECT_EQ(tree_of(host.canary.root().text()), canary);
    EXPECT_EQ(mountinfo_of(getpid()), mounts);
  }

  std::string stub = image.host_path("/usr/lib64/libcuda.so.580.1");
  FailingKernel kernel;
};

TEST_F(Race, AStubRemovedBeforeTheMountIsAnError) {
  const FakeContainer container(image);
  kernel.before("move_mount", "", 1, [&] { fs::remove(stub); });
  expect_error({required(bind_cuda())}, container);
}

TEST_F(Race, AStubReplacedByALinkBeforeTheMountIsAnError) {
  const FakeContainer container(image);
  kernel.before("move_mount", "", 1, [&] {
    fs::remove(stub);
    fs::create_symlink(host.canary.host_path("/lib/secret"), stub);
  });
  expect_error({required(bind_cuda())}, container);
  EXPECT_TRUE(fs::is_symlink(stub)) << "what is not ours is not removed";
}

TEST_F(Race, AStubReplacedByAnotherFileIsNotRemoved) {
  const FakeContainer container(image);
  kernel.before("move_mount", "", 1, [&] {
    fs::remove(stub);
    image.write("/usr/lib64/libcuda.so.580.1", "somebody else's");
  });
  expect_error({required(bind_cuda())}, container);
  EXPECT_EQ(text_of_file(stub), "somebody else's");
}

TEST_F(Race, ALinkReplacedByAFileIsNotOverwrittenWhenWeTakeOursBack) {
  const std::string link = image.host_path("/usr/lib64/libcuda.so.1");
  image.link("/usr/lib64/libcuda.so.1", "libcuda.so.470.1");
  const FakeContainer container(image);
  kernel.before("setns_mount", "", 1, [&] {
    fs::remove(link);
    image.write("/usr/lib64/libcuda.so.1", "somebody else's");
  });
  kernel.fail("setns_mount", 1, EPERM);
  expect_error({required(bind_cuda()), required(link_cuda())}, container);
  EXPECT_EQ(text_of_file(link), "somebody else's");
}

TEST_F(Race, ALinkThatMadeWayForAStubIsNotPutBackOverSomebodyElsesFile) {
  image.link("/usr/lib64/libcuda.so.580.1", "libcuda.so.470.1");
  const FakeContainer container(image);
  kernel.before("setns_mount", "", 1, [&] {
    fs::remove(stub);
    image.write("/usr/lib64/libcuda.so.580.1", "somebody else's");
  });
  kernel.fail("setns_mount", 1, EPERM);
  expect_error({required(bind_cuda())}, container);
  EXPECT_EQ(text_of_file(stub), "somebody else's");
}

TEST_F(Race, AMountTakenAwayBeforeItIsVerifiedIsAnError) {
  const FakeContainer container(image);
  // The first lookup of that name finds nothing, the second the stub.
  kernel.before("openat2", "libcuda.so.580.1", 4,
                [&] { container.inside([&] { unmount(stub); }); });
  expect_error({required(bind_cuda())}, container);
}

TEST_F(Race, TheLibraryDirectoryMovedOutOfTheImageIsAnErrorAndLeavesNothingThere) {
  const FakeContainer container(image);
  const std::string outside = host.canary.host_path("/stolen");
  kernel.before("setns_mount", "", 1, [&] { fs::rename(image.host_path("/usr/lib64"), outside); });
  EXPECT_NE(error_line(apply(kernel, host.plan({required(bind_cuda())}), container)), "");
  EXPECT_FALSE(fs::exists(outside + "/libcuda.so.580.1"));
}

TEST_F(Race, TheLibraryDirectoryExchangedWithALinkIsAnErrorAndLeavesNothingInIt) {
  image.link("/usr/evil", host.canary.host_path("/lib"));
  const FakeContainer container(image);
  kernel.before("setns_mount", "", 1,
                [&] { exchange(image.host_path("/usr/lib64"), image.host_path("/usr/evil")); });
  expect_error({required(bind_cuda())}, container);
  EXPECT_FALSE(fs::exists(image.host_path("/usr/evil/libcuda.so.580.1")));
}

TEST_F(Race, AMissingDirectoryThatBecomesALinkIsNotCreatedThrough) {
  const FakeContainer container(image);
  const BindFile program{.source = HostPath::literal("/usr/bin/nvidia-smi"),
                         .target = ContainerPath::literal("/usr/bin/nvidia-smi")};
  kernel.before("mkdirat", "bin", 1,
                [&] { image.link("/usr/bin", host.canary.host_path("/lib")); });
  expect_error({required(program)}, container);
}

TEST_F(Race, ANewDirectoryExchangedWithALinkIsNotFollowed) {
  const FakeContainer container(image);
  const BindFile program{.source = HostPath::literal("/usr/bin/nvidia-smi"),
                         .target = ContainerPath::literal("/usr/bin/nvidia-smi")};
  kernel.before("openat2", "bin", 1, [&] {
    fs::remove(image.host_path("/usr/bin"));
    image.link("/usr/bin", "lib64");
  });
  expect_error({required(program)}, container);
  EXPECT_FALSE(fs::exists(image.host_path("/usr/lib64/nvidia-smi")));
}

TEST_F(Race, ANewTargetDirectoryExchangedWithALinkIsRefused) {
  const FakeContainer container(image);
  // The first lookup of that name finds nothing.
  kernel.before("openat2", "nvidia-mps", 2, [&] {
    fs::remove(image.host_path("/tmp/nvidia-mps"));
    image.link("/tmp/nvidia-mps", host.canary.host_path("/lib"));
  });
  expect_error({required(bind_mps())}, container);
  EXPECT_TRUE(fs::is_symlink(image.host_path("/tmp/nvidia-mps"))) << "what is not ours stays";
}

TEST_F(Race, ATargetDirectoryRemovedBeforeTheMountIsAnError) {
  const FakeContainer container(image);
  kernel.before("move_mount", "", 1, [&] { fs::remove(image.host_path("/tmp/nvidia-mps")); });
  expect_error({required(bind_mps())}, container);
}

TEST_F(Race, ATargetDirectoryReplacedByAnotherIsAnErrorAndNotEmptied) {
  const FakeContainer container(image);
  kernel.before("move_mount", "", 1, [&] {
    fs::remove(image.host_path("/tmp/nvidia-mps"));
    image.write("/tmp/nvidia-mps/own", "somebody else's");
  });
  expect_error({required(bind_mps())}, container);
  EXPECT_EQ(text_of_file(image.host_path("/tmp/nvidia-mps/own")), "somebody else's");
}

TEST_F(Race, ATargetDirectoryMovedOutOfTheImageIsAnErrorAndShowsNothingOnTheHost) {
  const FakeContainer container(image);
  const std::string outside = host.canary.host_path("/stolen");
  kernel.before("setns_mount", "", 1,
                [&] { fs::rename(image.host_path("/tmp/nvidia-mps"), outside); });
  EXPECT_NE(error_line(apply(kernel, host.plan({required(bind_mps())}), container)), "");
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(Race, AHiddenDirectoryExchangedWithALinkIsAnError) {
  const std::string path = "/etc/nvidia/nvidia-application-profiles-rc.d";
  image.write(path + "/50-own.conf", "the image's own");
  image.link("/etc/nvidia/evil", host.canary.host_path("/lib"));
  const FakeContainer container(image);
  kernel.before("setns_mount", "", 1,
                [&] { exchange(image.host_path(path), image.host_path("/etc/nvidia/evil")); });
  expect_error({required(mask_profiles())}, container);
  EXPECT_EQ(text_of_file(image.host_path("/etc/nvidia/evil/50-own.conf")), "the image's own");
}

// What the host shares may change as well.
TEST_F(Race, ASourceDirectoryExchangedWithALinkAfterItWasOpenedIsNotFollowed) {
  host.devices.write("/tmp/nvidia-mps/log", "the daemon's");
  host.devices.link("/tmp/evil", "../run/udev");
  const FakeContainer container(image);
  kernel.before("open_tree", "", 1, [&] {
    exchange(host.devices.host_path("/tmp/nvidia-mps"), host.devices.host_path("/tmp/evil"));
  });
  EXPECT_EQ(error_line(apply(kernel, host.plan({required(bind_mps())}), container)), "");
  EXPECT_EQ(container.text("/tmp/nvidia-mps/log"), "the daemon's");
}

TEST_F(Race, ACacheExchangedWithAFifoIsRefusedWithoutBlocking) {
  const FakeContainer container(image);
  kernel.before("openat2", "ld.so.cache", 2, [&] {
    fs::remove(image.host_path("/etc/ld.so.cache"));
    image.fifo("/etc/ld.so.cache");
  });
  expect_error({required(update_cache())}, container);
}

TEST_F(Race, ACacheExchangedWithALinkIsNotRead) {
  const FakeContainer container(image);
  kernel.before("openat2", "ld.so.cache", 2, [&] {
    fs::remove(image.host_path("/etc/ld.so.cache"));
    image.link("/etc/ld.so.cache", "/etc/passwd");
  });
  expect_error({required(update_cache())}, container);
}

TEST_F(Race, ACacheChangedBySomebodyElseIsNeverMixedWithOurs) {
  const FakeContainer container(image);
  kernel.before("renameat", "ld.so.cache", 1,
                [&] { image.write("/etc/ld.so.cache", "somebody else's"); });
  EXPECT_EQ(error_line(apply(kernel, host.plan({required(update_cache())}), container)), "");
  EXPECT_NE(text_of_file(image.host_path("/etc/ld.so.cache")), "somebody else's");
}

TEST_F(Race, ASharedRootDirectoryFromTheMiddleOnShowsNothingOnTheHost) {
  const FakeContainer container(image);
  const std::string before = mountinfo_of(getpid());
  kernel.before("setns_mount", "", 1, [&] {
    container.inside([&] { change_mount(image.root().text(), 1U << 20U); });  // MS_SHARED
  });
  (void)apply(kernel, host.plan({required(bind_cuda())}), container);  // nobody can prevent it
  EXPECT_EQ(mountinfo_of(getpid()), before);
}

// --- as fast as possible

class Storm : public ApplyTest {
 protected:
  static constexpr int kRuns = 500;

  ~Storm() override { stop(); }

  // Repeats `step` in another process until the test ends.
  void start(const std::function<void()>& step) {
    racer_ = start_child([&step] {
      while (true) step();
    });
  }
  void stop() {
    if (racer_ < 0) return;
    (void)kill(racer_, SIGKILL);  // it never ends by itself
    try {
      wait_for(racer_);
    } catch (const std::runtime_error&) {  // killed, as wanted
    }
    racer_ = -1;
  }
  // Applies kRuns times, each time in a new container; counts the successes.
  int apply_often(const std::vector<PlannedOp>& ops, const std::function<void()>& clean_up) {
    const InjectionPlan plan = host.plan(ops);
    int successes = 0;
    for (int run = 0; run < kRuns; ++run) {
      const FakeContainer container(image);
      if (apply(plan, container)) ++successes;
      clean_up();
    }
    return successes;
  }

 private:
  pid_t racer_ = -1;
};

TEST_F(Storm, OfExchangesOfTheLibraryDirectoryLeavesTheCanaryAlone) {
  const std::string lib = image.host_path("/usr/lib64");
  const std::string evil = image.host_path("/usr/evil");
  fs::create_symlink(host.canary.host_path("/lib"), evil);
  const Tree canary = tree_of(host.canary.root().text());
  const std::string mounts = mountinfo_of(getpid());
  start([&] { exchange(lib, evil); });
  const int successes = apply_often({required(bind_cuda()), required(link_cuda())}, [&] {
    for (const std::string& directory : {lib, evil}) {
      std::error_code ignored;  // it is a link to nowhere at this moment
      fs::remove(directory + "/libcuda.so.580.1", ignored);
      fs::remove(directory + "/libcuda.so.1", ignored);
    }
  });
  stop();
  EXPECT_EQ(tree_of(host.canary.root().text()), canary);
  EXPECT_EQ(mountinfo_of(getpid()), mounts);
  RecordProperty("successes", successes);
}

TEST_F(Storm, OfExchangesOfTheStubMountsOnNoLink) {
  const std::string stub = image.host_path("/usr/lib64/libcuda.so.580.1");
  const std::string link = image.host_path("/usr/lib64/evil");
  image.write("/usr/lib64/libcuda.so.580.1", "");
  fs::create_symlink(host.canary.host_path("/lib/secret"), link);
  const Tree canary = tree_of(host.canary.root().text());
  start([&] { exchange(stub, link); });
  const int successes = apply_often({required(bind_cuda())}, [] {});
  stop();
  EXPECT_EQ(tree_of(host.canary.root().text()), canary);
  RecordProperty("successes", successes);
}

TEST_F(Storm, OfRemovalsOfTheStubLeavesNothingElsewhere) {
  const std::string stub = image.host_path("/usr/lib64/libcuda.so.580.1");
  const Tree before = tree_of(image.root().text());
  start([&] { (void)unlink(stub.c_str()); });  // mostly there is none
  const int successes = apply_often({required(bind_cuda())}, [] {});
  stop();
  (void)unlink(stub.c_str());
  EXPECT_EQ(tree_of(image.root().text()), before);
  RecordProperty("successes", successes);
}

}  // namespace
}  // namespace gpuhook::testing
