// SPDX-License-Identifier: Apache-2.0
// The order of the kernel calls of one apply, since it is the order that keeps a container from
// exchanging things between check and use.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

using ::testing::ElementsAre;

bool changes_something(const Call& call) {
  constexpr std::array<std::string_view, 7> kChanges{
      "mkdirat", "symlinkat", "renameat", "unlinkat", "write", "move_mount", "open_tree"};
  return std::find(kChanges.begin(), kChanges.end(), call.name) != kChanges.end();
}

class Order : public ApplyTest {
 protected:
  void SetUp() override {
    add_targets_of_all_ops(image);
    const FakeContainer container(image);
    ASSERT_EQ(error_line(apply(kernel, host.plan(all_ops()), container)), "");
  }

  [[nodiscard]] std::vector<std::size_t> positions(const std::string& name) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < kernel.calls().size(); ++i) {
      if (kernel.calls()[i].name == name) found.push_back(i);
    }
    return found;
  }
  // The last call before `position` that gave the descriptor; none for one that came from
  // elsewhere.
  [[nodiscard]] std::optional<std::size_t> opened(int fd, std::size_t position) const {
    for (std::size_t i = position; i-- > 0;) {
      if (kernel.calls()[i].got == fd) return i;
    }
    return std::nullopt;
  }
  [[nodiscard]] bool looked_at_between(int fd, std::size_t begin, std::size_t end) const {
    return std::any_of(kernel.calls().begin() + static_cast<std::ptrdiff_t>(begin),
                       kernel.calls().begin() + static_cast<std::ptrdiff_t>(end),
                       [fd](const Call& call) { return call.name == "statx" && call.fd == fd; });
  }

  FailingKernel kernel;
};

TEST_F(Order, EntersTheContainerOnceAndComesBack) { EXPECT_EQ(kernel.count("setns_mount"), 2U); }

TEST_F(Order, StagesEverySourceBeforeEntering) {
  const std::size_t entered = kernel.first("setns_mount");
  for (const char* const name : {"open_tree", "mount_setattr", "fsmount_tmpfs"})
    EXPECT_LT(positions(name).back(), entered) << name;
}

TEST_F(Order, DoesNothingInTheContainerButMountAndVerify) {
  const std::vector<std::size_t> visit = positions("setns_mount");
  ASSERT_EQ(visit.size(), 2U);
  std::set<std::string> names;
  for (std::size_t i = visit[0] + 1; i < visit[1]; ++i) names.insert(kernel.calls()[i].name);
  EXPECT_THAT(names, ElementsAre("move_mount", "openat2", "statx"));
}

TEST_F(Order, LooksNothingUpBetweenEnteringAndTheLastMount) {
  const auto begin =
      kernel.calls().begin() + static_cast<std::ptrdiff_t>(kernel.first("setns_mount")) + 1;
  const auto end =
      kernel.calls().begin() + static_cast<std::ptrdiff_t>(positions("move_mount").back());
  EXPECT_TRUE(std::all_of(begin, end, [](const Call& call) { return call.name == "move_mount"; }));
}

TEST_F(Order, LooksUpEachMountOnceMoreBeforeLeaving) {
  const std::size_t left = positions("setns_mount").back();
  std::vector<std::string> names;
  for (std::size_t i = positions("move_mount").back(); i < left; ++i) {
    const Call& call = kernel.calls()[i];
    if (call.name == "openat2") names.push_back(call.path);
  }
  EXPECT_THAT(
      names, ::testing::IsSupersetOf({"nvidia0", "nvidiactl", "nvidia-cap1", "libcuda.so.580.1",
                                      "libnvidia-ml.so.580.1", "nvidia-smi", "gsp.bin", "socket",
                                      "libnvidia-ml.so", "proc/driver/nvidia", "udev", "nvidia-mps",
                                      "nvidia-application-profiles-rc.d"}));
}

TEST_F(Order, RenamesTheLoaderCacheAsTheLastChangeOfAll) {
  const auto last = std::find_if(kernel.calls().rbegin(), kernel.calls().rend(), changes_something);
  ASSERT_NE(last, kernel.calls().rend());
  EXPECT_EQ(last->name, "renameat");
  EXPECT_EQ(last->path, "ld.so.cache");
}

TEST_F(Order, MountsOntoTheDescriptorsThatItLookedAt) {
  for (const std::size_t position : positions("move_mount")) {
    const int target = kernel.calls()[position].other;
    const std::optional<std::size_t> opening = opened(target, position);
    ASSERT_TRUE(opening.has_value());
    EXPECT_EQ(kernel.calls()[*opening].name, "openat2");
    EXPECT_TRUE(looked_at_between(target, *opening, position)) << kernel.calls()[*opening].path;
  }
}

TEST_F(Order, ClonesTheSourcesThatItLookedAt) {
  for (const std::size_t position : positions("open_tree")) {
    const int source = kernel.calls()[position].fd;
    const std::optional<std::size_t> opening = opened(source, position);
    ASSERT_TRUE(opening.has_value());
    EXPECT_TRUE(looked_at_between(source, *opening, position)) << kernel.calls()[*opening].path;
  }
}

TEST_F(Order, SetsTheFlagsOfEveryMountBeforeAttachingIt) {
  for (const std::size_t position : positions("move_mount")) {
    const int mount = kernel.calls()[position].fd;
    const std::optional<std::size_t> made = opened(mount, position);
    ASSERT_TRUE(made.has_value());
    const std::vector<std::size_t> settings = positions("mount_setattr");
    EXPECT_TRUE(std::any_of(settings.begin(), settings.end(), [&](std::size_t i) {
      return i > *made && i < position && kernel.calls()[i].fd == mount;
    }));
  }
}

TEST_F(Order, OpensEachSourceOnce) {
  std::map<std::string, int> times;
  for (const std::size_t position : positions("open_tree")) {
    const std::optional<std::size_t> opening = opened(kernel.calls()[position].fd, position);
    ASSERT_TRUE(opening.has_value());
    const Call& source = kernel.calls()[*opening];
    times[source.path] = static_cast<int>(
        std::count_if(kernel.calls().begin(), kernel.calls().end(), [&source](const Call& call) {
          return call.name == "openat2" && call.fd == source.fd && call.path == source.path;
        }));
  }
  // The library that covers the image's own libnvidia-ml.so is the source of two mounts.
  EXPECT_EQ(times, (std::map<std::string, int>{{"dev/nvidia0", 1},
                                               {"dev/nvidia-caps/nvidia-cap1", 1},
                                               {"dev/nvidiactl", 1},
                                               {"lib/firmware/nvidia/580.1/gsp.bin", 1},
                                               {"run/nvidia-persistenced/socket", 1},
                                               {"run/udev", 1},
                                               {"tmp/nvidia-mps", 1},
                                               {"usr/bin/nvidia-smi", 1},
                                               {"usr/lib64/libcuda.so.580.1", 1},
                                               {"usr/lib64/libnvidia-ml.so.580.1", 2}}));
}

TEST_F(Order, FindsEachExistingTargetOnceBeforeMountingOntoIt) {
  const std::size_t entered = kernel.first("setns_mount");
  const auto finds = [&](const std::string& name) {
    return std::count_if(kernel.calls().begin(),
                         kernel.calls().begin() + static_cast<std::ptrdiff_t>(entered),
                         [&name](const Call& call) {
                           return call.name == "openat2" && call.path == name && call.succeeded;
                         });
  };
  EXPECT_EQ(finds("libnvidia-ml.so.580.1"), 1);
  EXPECT_EQ(finds("libnvidia-ml.so"), 1);
  EXPECT_EQ(finds("proc/driver/nvidia"), 1);
  EXPECT_EQ(finds("udev"), 1);
}

TEST_F(Order, EntersNoContainerThatNeedsNoMount) {
  const FakeContainer container(image);
  FailingKernel second;
  EXPECT_EQ(error_line(apply(second, host.plan({required(update_cache())}), container)), "");
  EXPECT_EQ(second.count("setns_mount"), 0U);
}

}  // namespace
}  // namespace gpuhook::testing
