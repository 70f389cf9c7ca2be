// SPDX-License-Identifier: Apache-2.0
// What can be said about a Target without a container; containers themselves are met in other
// tiers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/text.h"
#include "fake_host.h"
#include "gpuhook/gpuhook.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_kind;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TempTree;

TEST(TargetOfDirectory, NeedsADirectory) {
  const TempTree tree;
  tree.write("/file", "");
  EXPECT_TRUE(Target::of_directory(tree.root()));
  EXPECT_EQ(error_kind(Target::of_directory(HostPath::literal(tree.host_path("/none")))),
            "not-found");
  EXPECT_THAT(error_of(Target::of_directory(HostPath::literal(tree.host_path("/file")))),
              HasSubstr("opening the root directory: "));
}

TEST(TargetOfProcess, RefusesPidsThatNoContainerHas) {
  const TempTree tree;
  for (const std::int64_t pid :
       {std::int64_t{INT64_MIN}, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1},
        std::int64_t{INT32_MAX} + 1, std::int64_t{INT64_MAX}}) {
    EXPECT_EQ(error_of(Target::of_process(pid, tree.root())),
              concat("taking hold of the container of process ", pid, ": pid ", pid,
                     " cannot be a container's first process"));
  }
}

TEST(TargetOfProcess, RefusesAProcessOfOurOwnMountNamespace) {
  const TempTree tree;
  EXPECT_EQ(error_kind(Target::of_process(getpid(), tree.root())), "refused");
  EXPECT_THAT(error_of(Target::of_process(getpid(), tree.root())),
              HasSubstr("shares the host's mount namespace"));
}

TEST(TargetOfProcess, FindsNoProcessOfAnUnusedPid) {
  const TempTree tree;
  EXPECT_EQ(error_kind(Target::of_process(INT32_MAX, tree.root())), "not-found");
}

}  // namespace
}  // namespace gpuhook
