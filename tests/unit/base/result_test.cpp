// SPDX-License-Identifier: Apache-2.0
#include "gpuhook/result.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "base/try.h"

namespace gpuhook {
namespace {

TEST(ToLine, ShowsWhatAloneWhenNothingElseIsKnown) {
  EXPECT_EQ(to_line({.what = "no \"pid\""}), "no \"pid\"");
}

TEST(ToLine, PutsTheOutermostActivityFirst) {
  const Error error{.what = "move_mount onto \"/dev/nvidia0\"",
                    .sys_errno = EBUSY,
                    .doing = {"injecting GPU 0", "prestart"}};
  EXPECT_EQ(
      to_line(error),
      "prestart: injecting GPU 0: move_mount onto \"/dev/nvidia0\": EBUSY (Device or resource "
      "busy)");
}

TEST(ToLine, EndsWithTheRemedy) {
  EXPECT_EQ(
      to_line({.what = "open", .remedy = "install it", .sys_errno = ENOENT, .doing = {"probing"}}),
      "probing: open: ENOENT (No such file or directory); install it");
}

TEST(ToLine, ShowsTheNumberOfAnUnknownErrno) {
  EXPECT_EQ(to_line({.what = "open", .sys_errno = 99999}), "open: errno 99999");
}

TEST(ToLine, IsOneLineWhateverTheErrorHolds) {
  const std::string line =
      to_line({.what = "a\nb", .remedy = "c\rd", .doing = {"reading\n/proc\x1b[2J"}});
  EXPECT_EQ(line.find_first_of("\n\r\x1b"), std::string::npos) << line;
}

TEST(ErrorKind, IsNamedAsInJson) {
  EXPECT_EQ(name_of(ErrorKind::kBadInput), "bad-input");
  EXPECT_EQ(name_of(ErrorKind::kNotFound), "not-found");
  EXPECT_EQ(name_of(ErrorKind::kUnmetRequirement), "unmet-requirement");
  EXPECT_EQ(name_of(ErrorKind::kNoDriver), "no-driver");
  EXPECT_EQ(name_of(ErrorKind::kUnsupported), "unsupported");
  EXPECT_EQ(name_of(ErrorKind::kRefused), "refused");
  EXPECT_EQ(name_of(ErrorKind::kSystem), "system");
}

}  // namespace
}  // namespace gpuhook
