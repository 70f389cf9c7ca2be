// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace gpuhook {
namespace {

int some_fd() { return open("/", O_PATH | O_CLOEXEC); }
bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesItsDescriptorAtTheEnd) {
  const int fd = some_fd();
  { const UniqueFd owner(fd); }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, HoldsNothingByDefault) {
  EXPECT_FALSE(UniqueFd());
  EXPECT_EQ(UniqueFd().get(), -1);
  EXPECT_TRUE(UniqueFd(some_fd()));
}

TEST(UniqueFd, PassesOwnershipOnMove) {
  UniqueFd first(some_fd());
  const int fd = first.get();
  const UniqueFd second(std::move(first));
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the behaviour in question
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFd, ClosesTheOldDescriptorOnAssignment) {
  UniqueFd owner(some_fd());
  const int old = owner.get();
  UniqueFd other(some_fd());
  const int fresh = other.get();
  owner = std::move(other);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(owner.get(), fresh);
  EXPECT_TRUE(is_open(fresh));
}

TEST(UniqueFd, KeepsAReleasedDescriptorOpen) {
  UniqueFd owner(some_fd());
  const int fd = owner.release();
  EXPECT_FALSE(owner);
  EXPECT_TRUE(is_open(fd));
  EXPECT_EQ(close(fd), 0);
}

}  // namespace
}  // namespace gpuhook
