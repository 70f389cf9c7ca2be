// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "base/text.h"
#include "formats/config_toml.h"
#include "gpuhook/gpuhook.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook {
namespace {

namespace fs = std::filesystem;
using testing::error_kind;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::value_of;

// Whether somebody else than root and the user of this test can put files into a directory.
bool is_open_to_others(const fs::path& directory) {
  struct stat status {};
  if (stat(directory.c_str(), &status) != 0) return true;
  const bool foreign = status.st_uid != 0 && status.st_uid != geteuid();
  const bool writable =
      (status.st_mode & S_IWOTH) != 0 || ((status.st_mode & S_IWGRP) != 0 && status.st_gid != 0);
  return foreign || writable;
}

void require_success(bool success, const std::string& what) {
  if (!success) throw std::runtime_error(concat(what, ": errno ", errno));
}

// Nothing when others can make names there or above: below /tmp no configuration counts.
bool is_safe(const fs::path& directory) {
  for (fs::path above = directory;; above = above.parent_path()) {
    if (is_open_to_others(above)) return false;
    if (above == above.root_path()) return access(directory.c_str(), W_OK) == 0;
  }
}

// Beside this program, or, where the build tree lies below /tmp, where only root can write.
std::optional<fs::path> safe_place() {
  for (const fs::path& place : {fs::read_symlink("/proc/self/exe").parent_path(),
                                fs::path("/var/lib"), fs::path("/root")}) {
    if (is_safe(place)) return place;
  }
  return std::nullopt;
}

class ConfigFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::optional<fs::path> place = safe_place();
    if (!place) GTEST_SKIP() << "there is no directory here that only its owner can change";
    std::string pattern = (*place / "gpu-hook-config-test-XXXXXX").string();
    require_success(mkdtemp(pattern.data()) != nullptr, pattern);
    directory_ = pattern;
    old_umask_ = umask(022);
  }
  void TearDown() override {
    if (directory_.empty()) return;
    umask(old_umask_);
    std::error_code ignored;  // a left-over directory is no reason to fail a test
    fs::remove_all(directory_, ignored);
  }

  [[nodiscard]] std::string path(std::string_view name) const {
    return concat(directory_.string(), "/", name);
  }
  // Directories on the way are made.
  void write(std::string_view name, std::string_view content, unsigned mode = 0644) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream out(path(name), std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    require_success(out.good(), path(name));
    fs::permissions(path(name), fs::perms{mode});
  }
  void set_mode(std::string_view name, unsigned mode) const {
    fs::permissions(path(name), fs::perms{mode});
  }
  // False without the right to give files away.
  [[nodiscard]] bool give_to(std::string_view name, uid_t uid, gid_t gid) const {
    return chown(path(name).c_str(), uid, gid) == 0;
  }
  [[nodiscard]] Result<LoadedConfig> load(std::string_view name) const {
    return load_config(HostPath::literal(path(name)));
  }

 private:
  fs::path directory_;
  mode_t old_umask_ = 0;
};

constexpr std::string_view kText = "no-cgroups = true\n";
constexpr uid_t kSomebody = 12345;

TEST_F(ConfigFilesTest, ReadsTheNamedFileAndTellsItsName) {
  write("a.toml", kText);
  const LoadedConfig loaded = value_of(load("a.toml"));
  Config expected;
  expected.no_cgroups = true;
  EXPECT_EQ(loaded.config, expected);
  EXPECT_EQ(loaded.file, HostPath::literal(path("a.toml")));
  EXPECT_THAT(loaded.notes, IsEmpty());
}

TEST_F(ConfigFilesTest, TakesAnEmptyFileForTheDefaults) {
  write("a.toml", "");
  EXPECT_EQ(value_of(load("a.toml")).config, Config());
  EXPECT_EQ(value_of(load("a.toml")).file, HostPath::literal(path("a.toml")));
}

TEST_F(ConfigFilesTest, ReadsANamedFileAsOurOwnWhateverItsName) {
  write("nvidia-container-runtime/config.toml", "[nvidia-container-cli]\nno-cgroups = true\n");
  EXPECT_EQ(error_kind(load("nvidia-container-runtime/config.toml")), "bad-input");
}

TEST_F(ConfigFilesTest, FollowsALinkToASoundFile) {
  write("sound/a.toml", kText);
  fs::create_symlink("sound/a.toml", path("link.toml"));
  EXPECT_TRUE(value_of(load("link.toml")).config.no_cgroups);
}

TEST_F(ConfigFilesTest, ReadsWhatConfigAsTomlWrote) {
  Config config;
  config.leave_out = {Omission::kMps};
  config.questions.user = "nobody";
  write("a.toml", config_as_toml(config));
  EXPECT_EQ(value_of(load("a.toml")).config, config);
}

TEST_F(ConfigFilesTest, NamesAFileThatDoesNotExist) {
  EXPECT_EQ(error_kind(load("none.toml")), "not-found");
  EXPECT_EQ(error_of(load("none.toml")),
            concat("configuration ", in_quotes(path("none.toml")), " does not exist"));
  EXPECT_EQ(error_kind(load("none/a.toml")), "not-found");
  fs::create_symlink("nowhere", path("dangling.toml"));
  EXPECT_EQ(error_kind(load("dangling.toml")), "not-found");
}

TEST_F(ConfigFilesTest, NamesFileAndLineOfAMistake) {
  write("a.toml", "no-cgroups = true\n\nno-cgroup = true\n");
  EXPECT_EQ(error_kind(load("a.toml")), "bad-input");
  EXPECT_THAT(error_of(load("a.toml")),
              HasSubstr(concat("configuration ", in_quotes(path("a.toml")),
                               ": line 3: unknown key \"no-cgroup\"")));
}

TEST_F(ConfigFilesTest, RefusesAFileThatEverybodyCanWrite) {
  for (const unsigned mode : {0646U, 0666U, 0777U, 0602U}) {
    write("a.toml", kText, mode);
    EXPECT_EQ(error_kind(load("a.toml")), "refused") << mode;
  }
  EXPECT_EQ(error_of(load("a.toml")),
            concat("configuration ", in_quotes(path("a.toml")),
                   ": others than root can write it, or a directory above it; chown root:root and "
                   "chmod go-w ",
                   path("a.toml"), " and its directories"));
}

TEST_F(ConfigFilesTest, RefusesADirectoryThatEverybodyCanWrite) {
  write("open/a.toml", kText);
  write("open/sound/b.toml", kText);
  for (const unsigned mode : {0757U, 0777U, 01777U}) {
    set_mode("open", mode);
    EXPECT_EQ(error_kind(load("open/a.toml")), "refused") << mode;
    EXPECT_EQ(error_kind(load("open/sound/b.toml")), "refused") << mode;
  }
  set_mode("open", 0755);
  EXPECT_TRUE(load("open/a.toml"));
  EXPECT_TRUE(load("open/sound/b.toml"));
}

TEST_F(ConfigFilesTest, RefusesAFileThatAnotherGroupCanWrite) {
  write("a.toml", kText, 0664);
  if (!give_to("a.toml", 0, kSomebody)) GTEST_SKIP() << "chown needs CAP_CHOWN";
  EXPECT_EQ(error_kind(load("a.toml")), "refused");
  set_mode("a.toml", 0644);
  EXPECT_TRUE(load("a.toml"));
}

TEST_F(ConfigFilesTest, RefusesADirectoryThatAnotherGroupCanWrite) {
  write("open/a.toml", kText);
  write("open/sound/b.toml", kText);
  set_mode("open", 0775);
  if (!give_to("open", 0, kSomebody)) GTEST_SKIP() << "chown needs CAP_CHOWN";
  EXPECT_EQ(error_kind(load("open/a.toml")), "refused");
  EXPECT_EQ(error_kind(load("open/sound/b.toml")), "refused");
  set_mode("open", 0755);
  EXPECT_TRUE(load("open/a.toml"));
}

TEST_F(ConfigFilesTest, TakesAFileThatTheGroupOfRootCanWrite) {
  write("a.toml", kText, 0664);
  if (!give_to("a.toml", 0, 0)) GTEST_SKIP() << "chown needs CAP_CHOWN";
  EXPECT_TRUE(load("a.toml"));
}

TEST_F(ConfigFilesTest, RefusesAFileOfAnotherUser) {
  write("a.toml", kText, 0600);
  if (!give_to("a.toml", kSomebody, 0)) GTEST_SKIP() << "chown needs CAP_CHOWN";
  EXPECT_EQ(error_kind(load("a.toml")), "refused");
}

TEST_F(ConfigFilesTest, RefusesADirectoryOfAnotherUser) {
  write("theirs/a.toml", kText);
  write("theirs/sound/b.toml", kText);
  if (!give_to("theirs", kSomebody, 0)) GTEST_SKIP() << "chown needs CAP_CHOWN";
  EXPECT_EQ(error_kind(load("theirs/a.toml")), "refused");
  EXPECT_EQ(error_kind(load("theirs/sound/b.toml")), "refused");
}

TEST_F(ConfigFilesTest, RefusesALinkIntoADirectoryThatEverybodyCanWrite) {
  write("open/a.toml", kText);
  set_mode("open", 0777);
  fs::create_symlink("open/a.toml", path("link.toml"));
  EXPECT_EQ(error_kind(load("link.toml")), "refused");
}

TEST_F(ConfigFilesTest, RefusesALinkThatEverybodyCanPointElsewhere) {
  // Both files are root's: who can exchange the link chooses between them.
  write("sound/a.toml", kText);
  fs::create_directory(path("open"));
  set_mode("open", 0777);
  fs::create_symlink("../sound/a.toml", path("open/link.toml"));
  EXPECT_EQ(error_kind(load("open/link.toml")), "refused");
}

TEST_F(ConfigFilesTest, RefusesWhatIsNoRegularFileWithoutWaitingForIt) {
  fs::create_directory(path("directory"));
  require_success(mkfifo(path("fifo").c_str(), 0600) == 0, "mkfifo");
  for (const char* const name : {"directory", "fifo"}) {
    EXPECT_EQ(error_kind(load(name)), "refused") << name;
    EXPECT_THAT(error_of(load(name)), HasSubstr("not a regular file")) << name;
  }
}

TEST_F(ConfigFilesTest, ReadsFilesOfUpToAMebibyte) {
  const std::string comment = "# " + std::string(formats::kMaxConfigFileBytes - 3, 'x') + "\n";
  ASSERT_EQ(comment.size(), std::size_t{1} << 20U);
  write("a.toml", comment);
  EXPECT_EQ(value_of(load("a.toml")).config, Config());
  write("a.toml", comment + "\n");
  EXPECT_THAT(error_of(load("a.toml")), HasSubstr("has more than 1048576 bytes"));
}

TEST(LoadConfig, RefusesAnythingBelowTmp) {
  std::string pattern = "/tmp/gpuhook-test-XXXXXX";
  const int file = mkstemp(pattern.data());
  ASSERT_GE(file, 0);
  EXPECT_EQ(close(file), 0);
  struct stat status {};
  const bool open = stat("/tmp", &status) == 0 && (status.st_mode & S_IWOTH) != 0;
  const std::string kind = error_kind(load_config(HostPath::literal(pattern)));
  EXPECT_EQ(unlink(pattern.c_str()), 0);
  if (!open) GTEST_SKIP() << "/tmp is not open to everybody";
  EXPECT_EQ(kind, "refused");
}

}  // namespace
}  // namespace gpuhook
