// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/engines.h"

namespace gpuhook {
namespace {

using Text = std::optional<std::string>;

std::string diff_of(const Text& before, const Text& after) {
  return unified_diff({.path = HostPath::literal("/etc/a"), .before = before, .after = after});
}

TEST(UnifiedDiff, ShowsThreeLinesAroundAChange) {
  EXPECT_EQ(diff_of("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n"),
            "--- /etc/a\n+++ /etc/a\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiff, ShowsDistantChangesApart) {
  EXPECT_EQ(diff_of("a\n1\n2\n3\n4\n5\n6\n7\n8\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\n8\nB\n"),
            "--- /etc/a\n+++ /etc/a\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n"
            "@@ -7,4 +7,4 @@\n 6\n 7\n 8\n-b\n+B\n");
}

TEST(UnifiedDiff, ShowsFilesThatComeAndGo) {
  EXPECT_EQ(diff_of(std::nullopt, "1\n2\n"),
            "--- /dev/null\n+++ /etc/a\n@@ -0,0 +1,2 @@\n+1\n+2\n");
  EXPECT_EQ(diff_of("1\n2\n", std::nullopt),
            "--- /etc/a\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-1\n-2\n");
  EXPECT_EQ(diff_of("", "1\n"), "--- /etc/a\n+++ /etc/a\n@@ -0,0 +1,1 @@\n+1\n");
}

TEST(UnifiedDiff, TellsOfALastLineWithoutLineEnd) {
  EXPECT_EQ(diff_of("1", "1\n2\n"),
            "--- /etc/a\n+++ /etc/a\n@@ -1,1 +1,2 @@\n-1\n\\ No newline at end of file\n+1\n+2\n");
}

TEST(UnifiedDiff, IsEmptyWithoutAChange) {
  EXPECT_EQ(diff_of("1\n", "1\n"), "");
  EXPECT_EQ(diff_of(std::nullopt, std::nullopt), "");
  EXPECT_EQ(diff_of(std::nullopt, ""), "--- /dev/null\n+++ /etc/a\n");
}

}  // namespace
}  // namespace gpuhook
