// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "fake_host.h"
#include "gpuhook/engines.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_of;
using testing::file_content;
using testing::require;
using testing::TempTree;
using testing::value_of;

class EngineFilesTest : public ::testing::Test {
 protected:
  [[nodiscard]] HostPath path(const std::string& name) const {
    return HostPath::literal(tree.host_path("/" + name));
  }
  [[nodiscard]] Status change(const std::string& name, std::optional<std::string> before,
                              std::optional<std::string> after) const {
    return write_engine_changes(
        {.files = {{.path = path(name), .before = std::move(before), .after = std::move(after)}}});
  }
  [[nodiscard]] unsigned mode(const std::string& name) const {
    struct stat found {};
    return lstat(path(name).text().c_str(), &found) == 0 ? found.st_mode : 0U;
  }
  TempTree tree;
};

TEST_F(EngineFilesTest, MakesFilesWithTheirDirectories) {
  const auto old = umask(022);
  require(change("a/b/c", std::nullopt, "text"));
  umask(old);
  EXPECT_EQ(file_content(path("a/b/c").text()), "text");
  EXPECT_EQ(mode("a/b/c"), S_IFREG | 0644U);
  EXPECT_EQ(mode("a/b"), S_IFDIR | 0755U);
  EXPECT_EQ(value_of(read_engine_file(path("a/b/c"))), "text");
  require(change("a/b/c", "text", std::nullopt));
  EXPECT_EQ(value_of(read_engine_file(path("a/b/c"))), std::nullopt);
  EXPECT_EQ(rmdir(path("a/b").text().c_str()), 0);  // nothing was left beside it
}

TEST_F(EngineFilesTest, KeepsTheModeOfAFile) {
  tree.write("/f", "old");
  chmod(path("f").text().c_str(), 0600);
  require(change("f", "old", "new"));
  EXPECT_EQ(mode("f"), S_IFREG | 0600U);
  EXPECT_EQ(file_content(path("f").text()), "new");
}

TEST_F(EngineFilesTest, WritesWhereALinkLeads) {
  tree.write("/real", "old");
  tree.link("/link", path("real").text());
  EXPECT_EQ(file_behind(path("link")), path("real"));
  require(change("link", "old", "new"));
  EXPECT_EQ(mode("link") & S_IFMT, unsigned{S_IFLNK});
  EXPECT_EQ(file_content(path("real").text()), "new");
}

TEST_F(EngineFilesTest, RefusesWhatIsNoFile) {
  tree.directory("/directory");
  tree.link("/nowhere", "/does/not/exist");
  ASSERT_EQ(mkfifo(path("fifo").text().c_str(), 0600), 0);
  EXPECT_NE(error_of(read_engine_file(path("directory"))).find("not a regular file"),
            std::string::npos);
  EXPECT_NE(error_of(read_engine_file(path("fifo"))).find("not a regular file"), std::string::npos);
  EXPECT_NE(error_of(read_engine_file(path("nowhere"))).find("a link that leads nowhere"),
            std::string::npos);
  tree.write("/large", std::string((1U << 20U) + 1, ' '));
  EXPECT_NE(error_of(read_engine_file(path("large"))).find("has more than 1048576 bytes"),
            std::string::npos);
}

TEST_F(EngineFilesTest, WritesNothingWhenAFileIsAnotherThanPlanned) {
  tree.write("/a", "old");
  tree.write("/b", "meanwhile");
  EngineChanges changes;
  changes.files.push_back({.path = path("a"), .before = "old", .after = "new"});
  changes.files.push_back({.path = path("b"), .before = "old", .after = "new"});
  EXPECT_NE(error_of(write_engine_changes(changes)).find("has been changed meanwhile"),
            std::string::npos);
  EXPECT_EQ(file_content(path("a").text()), "old");
}

TEST_F(EngineFilesTest, MakesNoFileOverAnother) {
  tree.write("/a", "old");
  EXPECT_NE(error_of(change("a", std::nullopt, "new")), "no error");
  EXPECT_EQ(file_content(path("a").text()), "old");
  EXPECT_NE(error_of(change("a/b", std::nullopt, "new")), "no error");
}

}  // namespace
}  // namespace gpuhook
