// SPDX-License-Identifier: Apache-2.0
#include "sys/rooted_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "fake_host.h"
#include "support/captured.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::sys {
namespace {

using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using testing::file_content;
using ::testing::HasSubstr;
using testing::require;
using testing::TempTree;
using testing::value_of;

class RootedDirTest : public ::testing::Test {
 protected:
  RootedDirTest() { tree.directory("/root"); }
  TempTree tree;
  [[nodiscard]] RootedDir root() const {
    return value_of(RootedDir::open(HostPath::literal(tree.host_path("/root"))));
  }
};

TEST_F(RootedDirTest, FollowsAbsoluteAndRelativeLinksInside) {
  tree.write("/root/a/file", "content");
  tree.link("/root/absolute", "/a/file");
  tree.link("/root/b/relative", "../a/file");
  tree.link("/root/directory", "/a");
  for (const char* const path :
       {"/a/file", "/absolute", "/b/relative", "/directory/file", "//a//file"})
    EXPECT_EQ(value_of(root().read_file(path, 100)), "content") << path;
}

TEST_F(RootedDirTest, NeverLeavesTheTree) {
  tree.write("/secret", "secret");
  tree.link("/root/up", "../secret");
  tree.link("/root/far", "../../../../../../etc/passwd");
  tree.link("/root/absolute", tree.host_path("/secret"));
  for (const char* const path : {"/up", "/far", "/absolute", "/../secret", "/root/../../secret"})
    EXPECT_EQ(error_kind(root().read_file(path, 100)), "not-found") << path;
}

TEST_F(RootedDirTest, RefusesMagicLinks) {
  tree.link("/root/magic", "/proc/self/root");
  EXPECT_FALSE(root().exists("/magic"));
  const RootedDir host = value_of(RootedDir::open(HostPath()));
  EXPECT_THAT(error_of(host.status("/proc/self/root/etc")), HasSubstr("ELOOP"));
  EXPECT_THAT(error_of(host.status("/proc/self/cwd")), HasSubstr("ELOOP"));
}

TEST_F(RootedDirTest, ReadsRegularFilesOnlyAndWaitsForNobody) {
  tree.fifo("/root/fifo");
  tree.directory("/root/directory");
  tree.socket("/root/socket");
  EXPECT_EQ(error_of(root().read_file("/fifo", 100)), "not a regular file: \"/fifo\"");
  EXPECT_EQ(error_of(root().read_file("/directory", 100)), "not a regular file: \"/directory\"");
  EXPECT_EQ(error_of(root().read_file("/socket", 100)), "not a regular file: \"/socket\"");
  EXPECT_EQ(error_kind(root().read_file("/fifo", 100)), "refused");
}

TEST_F(RootedDirTest, ReadsFilesUpToTheLimit) {
  tree.write("/root/file", "12345");
  EXPECT_EQ(value_of(root().read_file("/file", 5)), "12345");
  EXPECT_EQ(error_of(root().read_file("/file", 4)), "\"/file\" has more than 4 bytes");
}

TEST_F(RootedDirTest, EndsAtALinkLoop) {
  tree.link("/root/a", "b");
  tree.link("/root/b", "a");
  EXPECT_THAT(error_of(root().status("/a")), HasSubstr("ELOOP"));
}

TEST_F(RootedDirTest, ListsNamesInOrderWithTheirTypes) {
  tree.write("/root/c", "");
  tree.directory("/root/a");
  tree.link("/root/b", "nowhere");
  tree.socket("/root/d");
  std::vector<std::string> names;
  std::vector<FileType> types;
  for (const DirEntry& entry : value_of(root().list("/", 100))) {
    names.push_back(entry.name);
    types.push_back(entry.type);
  }
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(types, ElementsAre(FileType::kDirectory, FileType::kSymlink, FileType::kRegular,
                                 FileType::kSocket));
}

TEST_F(RootedDirTest, ListsUpToTheLimit) {
  for (const char* const name : {"/root/a", "/root/b"}) tree.write(name, "");
  EXPECT_EQ(value_of(root().list("/", 2)).size(), 2U);
  EXPECT_EQ(error_of(root().list("/", 1)), "\"/\" has more than 1 entries");
}

TEST_F(RootedDirTest, TellsRealPathsInsideTheTree) {
  tree.write("/root/usr/lib/libx.so.1", "");
  tree.link("/root/lib", "usr/lib");
  tree.link("/root/libx.so", "/lib/libx.so.1");
  EXPECT_EQ(value_of(root().real_path("/libx.so")), HostPath::literal("/usr/lib/libx.so.1"));
  EXPECT_EQ(value_of(root().real_path("/lib")), HostPath::literal("/usr/lib"));
  EXPECT_EQ(value_of(root().real_path("/")), HostPath());
  EXPECT_EQ(error_kind(root().real_path("/none")), "not-found");
}

TEST_F(RootedDirTest, TellsRealPathsOfTheHost) {
  tree.link("/root/link", "/root");
  const RootedDir host = value_of(RootedDir::open(HostPath()));
  EXPECT_EQ(value_of(host.real_path(tree.host_path("/root"))).text(), tree.host_path("/root"));
}

TEST_F(RootedDirTest, NeedsADirectory) {
  tree.write("/root/file", "");
  EXPECT_EQ(error_kind(RootedDir::open(HostPath::literal(tree.host_path("/none")))), "not-found");
  EXPECT_THAT(error_of(RootedDir::open(HostPath::literal(tree.host_path("/root/file")))),
              HasSubstr("ENOTDIR"));
}

TEST_F(RootedDirTest, KnowsWhatExists) {
  tree.write("/root/file", "");
  tree.link("/root/dangling", "nowhere");
  EXPECT_TRUE(root().exists("/file"));
  EXPECT_FALSE(root().exists("/dangling"));
  EXPECT_FALSE(root().is_directory("/file"));
  EXPECT_TRUE(root().is_directory("/"));
}

TEST_F(RootedDirTest, ResolvesDirectoriesRelativeToABase) {
  tree.directory("/root/bundle");
  tree.directory("/root/merged");
  tree.link("/root/bundle/rootfs", "../merged");
  const HostPath bundle = HostPath::literal(tree.host_path("/root/bundle"));
  const HostPath merged = HostPath::literal(tree.host_path("/root/merged"));
  EXPECT_EQ(value_of(resolve_directory(bundle, "rootfs")), merged);
  EXPECT_EQ(value_of(resolve_directory(bundle, "../merged/.")), merged);
  EXPECT_EQ(value_of(resolve_directory(bundle, merged.text())), merged);
  EXPECT_EQ(error_kind(resolve_directory(bundle, "none")), "not-found");
}

TEST_F(RootedDirTest, ReplacesAFileKeepingItsMode) {
  tree.write("/root/file", "before", 0640);
  require(replace_file(HostPath::literal(tree.host_path("/root")), "file", "after"));
  EXPECT_EQ(file_content(tree.host_path("/root/file")), "after");
  struct stat status {};
  ASSERT_EQ(stat(tree.host_path("/root/file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  EXPECT_EQ(value_of(root().list("/", 10)).size(), 1U);
}

TEST_F(RootedDirTest, ReplacesTheNameAndNotItsOtherHardLink) {
  tree.write("/root/file", "before");
  std::filesystem::create_hard_link(tree.host_path("/root/file"), tree.host_path("/other"));
  require(replace_file(HostPath::literal(tree.host_path("/root")), "file", "after"));
  EXPECT_EQ(file_content(tree.host_path("/other")), "before");
}

TEST_F(RootedDirTest, ReplacesRegularFilesOnly) {
  const HostPath directory = HostPath::literal(tree.host_path("/root"));
  tree.write("/victim", "before");
  tree.link("/root/link", "../victim");
  EXPECT_EQ(error_of(replace_file(directory, "link", "after")), "\"link\" is not a regular file");
  EXPECT_EQ(file_content(tree.host_path("/victim")), "before");
  EXPECT_EQ(error_kind(replace_file(directory, "none", "after")), "not-found");
  EXPECT_EQ(value_of(root().list("/", 10)).size(), 1U);
}

TEST_F(RootedDirTest, ReadsAtAnyOffset) {
  tree.write("/root/file", "0123456789");
  const UniqueFd file = value_of(root().open_file("/file"));
  const auto text = [&](std::uint64_t offset, std::size_t size) {
    const std::vector<std::byte> bytes = value_of(read_at(file.get(), offset, size));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  EXPECT_EQ(text(0, 3), "012");
  EXPECT_EQ(text(8, 100), "89");
  EXPECT_EQ(text(10, 1), "");
  EXPECT_EQ(text(UINT64_MAX, 1), "");
  EXPECT_EQ(text(static_cast<std::uint64_t>(INT64_MAX), 1), "");
}

}  // namespace
}  // namespace gpuhook::sys
