// SPDX-License-Identifier: Apache-2.0
// The container's loader cache after an apply, read back with our own parser.
#include <gmock/gmock.h>

#include <filesystem>
#include <span>
#include <stdexcept>

#include "formats/ld_cache.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

using ApplyUpdateLoaderCache = ApplyTest;

formats::LdCache cache_in(const std::string& path) {
  const std::string text = text_of_file(path);
  const auto cache = formats::parse_ld_cache(std::as_bytes(std::span(text)));
  if (!cache) throw std::runtime_error(to_line(cache.error()));
  return *cache;
}

TEST_F(ApplyUpdateLoaderCache, AddsOurEntriesToThoseOfTheImage) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(update_cache())});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  const formats::LdCache cache = cache_in(container.seen("/etc/ld.so.cache"));
  ASSERT_EQ(cache.entries.size(), 2U);
  EXPECT_EQ(cache.entries[0].path, "/usr/lib64/libown.so");
  EXPECT_EQ(cache.entries[1].name, "libcuda.so.1");
  EXPECT_EQ(cache.entries[1].path, "/usr/lib64/libcuda.so.580.1");
}

TEST_F(ApplyUpdateLoaderCache, IsReadableForEverybody) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(update_cache())}), container)), "");
  EXPECT_EQ(mode_of(image.host_path("/etc/ld.so.cache")), 0644U);
}

TEST_F(ApplyUpdateLoaderCache, LeavesNoTemporaryNameBehind) {
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(update_cache())}), container)), "");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(image.host_path("/etc")))
    names.push_back(entry.path().filename());
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("ld.so.cache", "passwd"));
}

TEST_F(ApplyUpdateLoaderCache, TakesAnUnusableCacheForAnEmptyOne) {
  image.write("/etc/ld.so.cache", "glibc-ld.so.cache1.1\xff\xff\xff\xff and then nonsense");
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(update_cache())}), container)), "");
  EXPECT_EQ(cache_in(image.host_path("/etc/ld.so.cache")).entries.size(), 1U);
}

TEST_F(ApplyUpdateLoaderCache, WorksInAnImageWithoutEtc) {
  fs::remove_all(image.host_path("/etc"));
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(update_cache())}), container)), "");
  EXPECT_EQ(cache_in(image.host_path("/etc/ld.so.cache")).entries.size(), 1U);
}

TEST_F(ApplyUpdateLoaderCache, ReplacesALinkWithoutFollowingIt) {
  fs::rename(image.host_path("/etc/ld.so.cache"), image.host_path("/etc/real"));
  image.link("/etc/ld.so.cache", "real");
  const Tree before = tree_of(image.root().text());
  const FakeContainer container(image);
  EXPECT_EQ(error_line(apply(host.plan({required(update_cache())}), container)), "");
  EXPECT_EQ(tree_of(image.root().text()).at("/etc/real"), before.at("/etc/real"));
  EXPECT_TRUE(fs::symlink_status(image.host_path("/etc/ld.so.cache")).type() ==
              fs::file_type::regular);
}

// --- several entries for one name

// Kinds of library of the machine that this program was built for (glibc's ldconfig.h).
#if defined(__aarch64__)
constexpr std::int32_t kNative = 0x0a03;
constexpr std::int32_t kCompat32 = 0x0903;
#else
constexpr std::int32_t kNative = 0x0303;
constexpr std::int32_t kCompat32 = 0x0003;
#endif

class ApplyEntriesOfOneName : public ApplyTest {
 protected:
  static LoaderEntry cuda(std::string_view path, bool compat32 = false) {
    return {.soname = "libcuda.so.1", .path = ContainerPath::literal(path), .compat32 = compat32};
  }
  void write_cache_of_the_image(const std::vector<formats::LdCacheEntry>& entries) const {
    const std::vector<std::byte> bytes =
        formats::encode_ld_cache({.entries = entries, .hwcaps = {}});
    image.write("/etc/ld.so.cache", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  // Of these entries and those of the image, applied twice: what the cache has for libcuda.so.1, in
  // its order.
  std::vector<formats::LdCacheEntry> found_after(const std::vector<LoaderEntry>& entries) {
    UpdateLoaderCache update = update_cache();
    update.entries = entries;
    const InjectionPlan plan = host.plan({required(update)});
    const FakeContainer container(image);
    EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
    EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("already"));
    std::vector<formats::LdCacheEntry> found;
    for (const formats::LdCacheEntry& entry : cache_in(image.host_path("/etc/ld.so.cache")).entries)
      if (entry.name == "libcuda.so.1") found.push_back(entry);
    return found;
  }
};

TEST_F(ApplyEntriesOfOneName, KeepsA32BitLibraryBesideThe64BitOne) {
  EXPECT_THAT(
      found_after({cuda("/usr/lib64/libcuda.so.580.1"),
                   cuda("/usr/lib/i386-linux-gnu/libcuda.so.580.1", true)}),
      ElementsAre(
          formats::LdCacheEntry{
              .flags = kNative, .name = "libcuda.so.1", .path = "/usr/lib64/libcuda.so.580.1"},
          formats::LdCacheEntry{.flags = kCompat32,
                                .name = "libcuda.so.1",
                                .path = "/usr/lib/i386-linux-gnu/libcuda.so.580.1"}));
}

TEST_F(ApplyEntriesOfOneName, PutsA32BitLibraryBeforeTheImagesOwn) {
  write_cache_of_the_image(
      {{.flags = kNative, .name = "libcuda.so.1", .path = "/opt/own64/libcuda.so.1"},
       {.flags = kCompat32, .name = "libcuda.so.1", .path = "/opt/own32/libcuda.so.1"}});
  EXPECT_THAT(
      found_after({cuda("/usr/lib/i386-linux-gnu/libcuda.so.580.1", true)}),
      ElementsAre(
          formats::LdCacheEntry{
              .flags = kNative, .name = "libcuda.so.1", .path = "/opt/own64/libcuda.so.1"},
          formats::LdCacheEntry{.flags = kCompat32,
                                .name = "libcuda.so.1",
                                .path = "/usr/lib/i386-linux-gnu/libcuda.so.580.1"},
          formats::LdCacheEntry{
              .flags = kCompat32, .name = "libcuda.so.1", .path = "/opt/own32/libcuda.so.1"}));
}

// The image's forward-compatible library before the driver's, or the other way round.
TEST_F(ApplyEntriesOfOneName, FindsTheFirstOfTwoFirst) {
  EXPECT_THAT(found_after({cuda("/usr/local/cuda/compat/libcuda.so.1"),
                           cuda("/usr/lib64/libcuda.so.580.1")}),
              ElementsAre(formats::LdCacheEntry{.flags = kNative,
                                                .name = "libcuda.so.1",
                                                .path = "/usr/local/cuda/compat/libcuda.so.1"},
                          formats::LdCacheEntry{.flags = kNative,
                                                .name = "libcuda.so.1",
                                                .path = "/usr/lib64/libcuda.so.580.1"}));
}

TEST_F(ApplyEntriesOfOneName, FindsTheFirstOfTwoFirstAlsoInTheOtherOrder) {
  EXPECT_THAT(found_after({cuda("/usr/lib64/libcuda.so.580.1"),
                           cuda("/usr/local/cuda/compat/libcuda.so.1")}),
              ElementsAre(formats::LdCacheEntry{.flags = kNative,
                                                .name = "libcuda.so.1",
                                                .path = "/usr/lib64/libcuda.so.580.1"},
                          formats::LdCacheEntry{.flags = kNative,
                                                .name = "libcuda.so.1",
                                                .path = "/usr/local/cuda/compat/libcuda.so.1"}));
}

TEST_F(ApplyEntriesOfOneName, FindsBothBeforeTheImagesOwn) {
  write_cache_of_the_image(
      {{.flags = kNative, .name = "libcuda.so.1", .path = "/opt/own/libcuda.so.1"}});
  EXPECT_THAT(
      found_after(
          {cuda("/usr/local/cuda/compat/libcuda.so.1"), cuda("/usr/lib64/libcuda.so.580.1")}),
      ElementsAre(
          formats::LdCacheEntry{.flags = kNative,
                                .name = "libcuda.so.1",
                                .path = "/usr/local/cuda/compat/libcuda.so.1"},
          formats::LdCacheEntry{
              .flags = kNative, .name = "libcuda.so.1", .path = "/usr/lib64/libcuda.so.580.1"},
          formats::LdCacheEntry{
              .flags = kNative, .name = "libcuda.so.1", .path = "/opt/own/libcuda.so.1"}));
}

// The image's own ldconfig has put its library first.
TEST_F(ApplyEntriesOfOneName, MovesAnEntryThatTheImageHasAlreadyToItsPlace) {
  write_cache_of_the_image(
      {{.flags = kNative, .name = "libcuda.so.1", .path = "/usr/local/cuda/compat/libcuda.so.1"},
       {.flags = kNative, .name = "libcuda.so.1", .path = "/usr/lib64/libcuda.so.580.1"}});
  EXPECT_THAT(found_after({cuda("/usr/lib64/libcuda.so.580.1"),
                           cuda("/usr/local/cuda/compat/libcuda.so.1")}),
              ElementsAre(formats::LdCacheEntry{.flags = kNative,
                                                .name = "libcuda.so.1",
                                                .path = "/usr/lib64/libcuda.so.580.1"},
                          formats::LdCacheEntry{.flags = kNative,
                                                .name = "libcuda.so.1",
                                                .path = "/usr/local/cuda/compat/libcuda.so.1"}));
}

}  // namespace
}  // namespace gpuhook::testing
