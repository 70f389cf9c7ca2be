// SPDX-License-Identifier: Apache-2.0
#include "sys/error.h"

#include <gtest/gtest.h>

namespace gpuhook::sys {
namespace {

TEST(Failed, TellsTheKindByTheNumber) {
  EXPECT_EQ(failed("open", ENOENT).value().kind, ErrorKind::kNotFound);
  EXPECT_EQ(failed("pidfd_open", ESRCH).value().kind, ErrorKind::kNotFound);
  EXPECT_EQ(failed("mount_setattr", ENOSYS).value().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(failed("open", EACCES).value().kind, ErrorKind::kSystem);
}

TEST(Failed, NamesTheKernelThatHasAMissingCall) {
  EXPECT_EQ(
      to_line(failed("mount_setattr", ENOSYS).value()),
      "mount_setattr: ENOSYS (Function not implemented); Linux 5.12 or newer is needed, and a "
      "sandbox around the container runtime must not block this call");
}

TEST(Retried, CallsAgainAfterASignalOnly) {
  int calls = 0;
  EXPECT_EQ(retried([&] {
              errno = EINTR;
              return ++calls < 3 ? -1 : 7;
            }),
            7);
  EXPECT_EQ(calls, 3);
  calls = 0;
  EXPECT_EQ(retried([&] {
              ++calls;
              errno = EIO;
              return -1;
            }),
            -1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace gpuhook::sys
