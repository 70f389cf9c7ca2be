// SPDX-License-Identifier: Apache-2.0
// Two containers that share one root directory, prepared at the same time.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "host_side.h"

namespace gpuhook::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Each;

constexpr std::chrono::milliseconds kLongEnough{50};  // for another process to come to the lock

// Another process that applies a plan once it is told to.
class Other {
 public:
  Other(const InjectionPlan& plan, const FakeContainer& container) {
    require(pipe2(ends_.data(), O_CLOEXEC) == 0, "pipe2");
    // Made before the first apply begins, so that it holds nothing of that one open.
    child_ = start_child([this, &plan, &container] {
      char told = 0;
      require(read(ends_[0], &told, 1) == 1, "read");
      const Result<Report> report = apply(plan, container);
      if (!report) throw std::runtime_error(to_line(report.error()));
    });
  }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  ~Other() {
    for (const int end : ends_) (void)close(end);  // nothing was buffered
  }

  void start() const { require(write(ends_[1], "!", 1) == 1, "write"); }
  void wait() const { wait_for(child_); }

 private:
  std::array<int, 2> ends_{};
  pid_t child_ = -1;
};

class TwoContainers : public ApplyTest {
 protected:
  TwoContainers() { add_targets_of_all_ops(image); }

  // Whatever happened before, applying now gives the container everything.
  void expect_complete(const InjectionPlan& plan, const FakeContainer& container) {
    EXPECT_THAT(outcomes(plan, apply(plan, container)), Each(AnyOf("done", "already")));
    EXPECT_EQ(container.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
    EXPECT_EQ(container.text("/usr/bin/nvidia-smi"), "the host's nvidia-smi");
  }
  void expect_no_temporary_name() const {
    for (const auto& [path, what] : tree_of(image.root().text()))
      EXPECT_EQ(path.find("gpu-hook"), std::string::npos) << path;
  }
};

TEST_F(TwoContainers, OfOneDirectoryInTurnHaveTheSameFiles) {
  const FakeContainer first(image);
  const FakeContainer second(image);
  const InjectionPlan plan = host.plan(all_ops());
  expect_complete(plan, first);
  expect_complete(plan, second);
  EXPECT_EQ(first.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
}

TEST_F(TwoContainers, OfOneDirectoryAtOnceBothSucceed) {
  const InjectionPlan plan = host.plan(all_ops());
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    image = small_image();
    add_targets_of_all_ops(image);
    const FakeContainer first(image);
    const FakeContainer second(image);
    const auto apply_in = [&plan](const FakeContainer& container) {
      return start_child([&plan, &container] {
        const Result<Report> report = apply(plan, container);
        if (!report) throw std::runtime_error(to_line(report.error()));
      });
    };
    const pid_t one = apply_in(first);
    const pid_t other = apply_in(second);
    EXPECT_NO_THROW(wait_for(one)) << round;
    EXPECT_NO_THROW(wait_for(other)) << round;
    expect_complete(plan, first);
    expect_complete(plan, second);
    expect_no_temporary_name();
    if (HasFailure()) break;
  }
}

TEST_F(TwoContainers, OfOneDirectoryArePreparedOneAfterTheOther) {
  const FakeContainer first(image);
  const FakeContainer second(image);
  const InjectionPlan plan = host.plan(all_ops());
  Other other(plan, second);
  FailingKernel kernel;
  kernel.before("setns_mount", "", 1, [&] {
    other.start();
    std::this_thread::sleep_for(kLongEnough);
    EXPECT_EQ(mounts_at(second.pid(), second.mount_point("/usr/lib64/libcuda.so.580.1")), 0U);
  });
  EXPECT_EQ(error_line(apply(kernel, plan, first)), "");
  EXPECT_NO_THROW(other.wait());
  EXPECT_EQ(first.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
  EXPECT_EQ(second.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
  expect_no_temporary_name();
}

TEST_F(TwoContainers, OfOneDirectoryTheFailureOfOneTakesNothingFromTheOther) {
  const FakeContainer first(image);
  const FakeContainer second(image);
  const InjectionPlan plan = host.plan(all_ops());
  Other other(plan, second);
  FailingKernel kernel;
  kernel.before("setns_mount", "", 1, [&] {
    other.start();
    std::this_thread::sleep_for(kLongEnough);
  });
  kernel.fail("setns_mount", 1, EPERM);
  EXPECT_NE(error_line(apply(kernel, plan, first)), "");
  EXPECT_NO_THROW(other.wait());
  EXPECT_EQ(second.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
}

}  // namespace
}  // namespace gpuhook::testing
