// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/text.h"
#include "fake_host.h"
#include "gpuhook/gpuhook.h"
#include "support/captured.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::captured;
using testing::error_kind;
using testing::error_of;
using testing::file_content;
using ::testing::HasSubstr;
using testing::TempTree;
using testing::value_of;

constexpr std::string_view kConfig = R"({"process":{"env":["A=1"]},"root":{"path":"rootfs"}})";
const HostPath kHook = HostPath::literal("/usr/bin/gpu-hook");

class BundleTest : public ::testing::Test {
 protected:
  BundleTest() { tree.directory("/bundle"); }
  TempTree tree;
  [[nodiscard]] HostPath bundle() const { return HostPath::literal(tree.host_path("/bundle")); }
  [[nodiscard]] std::string config() const {
    return file_content(tree.host_path("/bundle/config.json"));
  }
};

TEST_F(BundleTest, IsReadFromItsConfigJson) {
  tree.write("/bundle/config.json", kConfig);
  const ContainerSpec spec = value_of(read_bundle(bundle()));
  EXPECT_EQ(spec.root_path, "rootfs");
  EXPECT_EQ(spec.env, std::vector<std::string>{"A=1"});
}

TEST_F(BundleTest, IsNotFoundWithoutItsDirectoryOrFile) {
  EXPECT_EQ(error_kind(read_bundle(bundle())), "not-found");
  EXPECT_EQ(error_kind(read_bundle(bundle() / "none")), "not-found");
  EXPECT_THAT(error_of(read_bundle(bundle())),
              HasSubstr(concat("reading config.json of bundle ", in_quotes(bundle().text()))));
}

TEST_F(BundleTest, IsRefusedWhenConfigJsonIsNoRegularFile) {
  tree.fifo("/fifo/config.json");
  tree.directory("/directory/config.json");
  tree.socket("/socket/config.json");
  for (const char* const path : {"/fifo", "/directory", "/socket"})
    EXPECT_EQ(error_kind(read_bundle(HostPath::literal(tree.host_path(path)))), "refused") << path;
}

TEST_F(BundleTest, IsNeverReadThroughALinkOutOfIt) {
  tree.write("/secret.json", kConfig);
  for (const std::string& text : {std::string("../secret.json"), tree.host_path("/secret.json")}) {
    std::filesystem::remove(tree.host_path("/bundle/config.json"));
    tree.link("/bundle/config.json", text);
    EXPECT_FALSE(read_bundle(bundle())) << text;
  }
}

TEST_F(BundleTest, IsRefusedWhenConfigJsonIsTooLarge) {
  tree.write("/bundle/config.json", kConfig);
  std::filesystem::resize_file(tree.host_path("/bundle/config.json"), std::uintmax_t{1} << 40U);
  EXPECT_THAT(error_of(read_bundle(bundle())), HasSubstr("has more than 16777216 bytes"));
}

TEST_F(BundleTest, HasARootDirectoryByAnySpelling) {
  tree.directory("/bundle/rootfs");
  tree.directory("/elsewhere");
  tree.link("/bundle/link", "../elsewhere");
  const auto root = [&](const std::string& path) {
    return rootfs_of({.root_path = path}, bundle());
  };
  EXPECT_EQ(value_of(root("rootfs")), bundle() / "rootfs");
  EXPECT_EQ(value_of(root("./rootfs/")), bundle() / "rootfs");
  EXPECT_EQ(value_of(root("../elsewhere")).text(), tree.host_path("/elsewhere"));
  EXPECT_EQ(value_of(root("link")).text(), tree.host_path("/elsewhere"));
  EXPECT_EQ(value_of(root(tree.host_path("/elsewhere"))).text(), tree.host_path("/elsewhere"));
}

TEST_F(BundleTest, HasNoRootDirectoryWhereThereIsNone) {
  tree.write("/bundle/file", "");
  tree.link("/bundle/magic", "/proc/self/root");
  EXPECT_EQ(error_kind(rootfs_of({.root_path = "none"}, bundle())), "not-found");
  EXPECT_THAT(error_of(rootfs_of({.root_path = "file"}, bundle())), HasSubstr("ENOTDIR"));
  EXPECT_THAT(error_of(rootfs_of({.root_path = "magic"}, bundle())), HasSubstr("ELOOP"));
  EXPECT_THAT(error_of(rootfs_of({.root_path = "none"}, bundle())),
              HasSubstr("looking for the root directory \"none\""));
}

TEST_F(BundleTest, GetsItsHookAndLosesItAgain) {
  const std::string before = captured("engines/docker20-gpus-all/config.json");
  tree.write("/bundle/config.json", before, 0600);
  EXPECT_TRUE(value_of(register_hook(bundle(), kHook)));
  EXPECT_THAT(config(), HasSubstr(R"({"path":"/usr/bin/gpu-hook","args":["gpu-hook","prestart"])"));
  EXPECT_FALSE(value_of(register_hook(bundle(), kHook)));
  EXPECT_TRUE(value_of(unregister_hook(bundle(), kHook)));
  EXPECT_EQ(config(), before);
  EXPECT_FALSE(value_of(unregister_hook(bundle(), kHook)));
  struct stat status {};
  ASSERT_EQ(stat(tree.host_path("/bundle/config.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(BundleTest, KeepsAConfigurationItCannotRead) {
  tree.write("/bundle/config.json", "{");
  EXPECT_EQ(error_kind(register_hook(bundle(), kHook)), "bad-input");
  EXPECT_EQ(config(), "{");
}

}  // namespace
}  // namespace gpuhook
