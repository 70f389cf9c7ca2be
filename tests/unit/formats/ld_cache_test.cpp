// SPDX-License-Identifier: Apache-2.0
#include "formats/ld_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/text.h"
#include "fake_host.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook::formats {

void PrintTo(const LdCacheEntry& entry, std::ostream* out) {
  *out << entry.name << " => " << entry.path << " (" << entry.flags << ", " << entry.hwcap << ")";
}

namespace {

using testing::captured;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TempTree;
using testing::value_of;

std::string text_of(const std::vector<std::byte>& bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<LdCache> parse(std::string_view text) {
  return parse_ld_cache(std::as_bytes(std::span(text.data(), text.size())));
}

std::string encoded(LdCache cache) { return text_of(encode_ld_cache(std::move(cache))); }

LdCacheEntry entry(std::string name, std::string path) {
  return {.name = std::move(name), .path = std::move(path)};
}

void put(std::string& text, std::size_t at, std::uint32_t value) {
  std::memcpy(text.data() + at, &value, sizeof value);
}
std::uint32_t get(const std::string& text, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, text.data() + at, sizeof value);
  return value;
}

// Three entries, of which one is for special processors.
LdCache sample() {
  return {.entries = {{.name = "libz.so.1",
                       .path = "/lib64/haswell/libz.so.1",
                       .hwcap = (1ULL << 62U) | 1},
                      entry("libz.so.1", "/lib64/libz.so.1"),
                      entry("liba.so.2", "/usr/lib64/liba.so.2")},
          .hwcaps = {"x86-64-v2", "x86-64-v3"}};
}

// What a program prints; nothing when it cannot be run.
std::optional<std::string> output_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  if (!pipe) return std::nullopt;
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;)
    output.append(buffer.data(), got);
  return output;
}

std::optional<std::string> ldconfig() {
  for (const char* const path : {"/sbin/ldconfig", "/usr/sbin/ldconfig"}) {
    if (std::filesystem::exists(path)) return path;
  }
  return std::nullopt;
}

// "NAME => PATH" of every entry line that `ldconfig -p` prints for the cache, in its order.
std::vector<std::string> listed_by_ldconfig(const std::string& bytes) {
  const TempTree tree;
  tree.write("/cache", bytes);
  std::vector<std::string> found;
  const std::string output =
      output_of(concat(*ldconfig(), " -p -C ", tree.host_path("/cache"), " 2>&1")).value_or("");
  for (const std::string_view line : lines(output)) {
    const std::size_t arrow = line.find(" => ");
    if (arrow == std::string_view::npos) continue;
    found.push_back(concat(words(line).at(0), line.substr(arrow)));
  }
  return found;
}

std::vector<std::string> listed(const LdCache& cache) {
  std::vector<std::string> found;
  for (const LdCacheEntry& each : cache.entries)
    found.push_back(concat(each.name, " => ", each.path));
  return found;
}

TEST(EncodeLdCache, WritesTheDrawing) {
  const std::string bytes = encoded({.entries = {entry("b", "/b")}, .hwcaps = {}});
  EXPECT_EQ(bytes.substr(0, 20), "glibc-ld.so.cache1.1");
  EXPECT_EQ(get(bytes, 20), 1U);   // entries
  EXPECT_EQ(get(bytes, 24), 5U);   // "b", NUL, "/b", NUL
  EXPECT_EQ(get(bytes, 28), 2U);   // little endian, padding
  EXPECT_EQ(get(bytes, 32), 80U);  // extension: 48 + 24 + 5, rounded up to 4
  EXPECT_EQ(bytes.substr(36, 12), std::string(12, '\0'));
  EXPECT_EQ(get(bytes, 48), 0x0303U);  // flags
  EXPECT_EQ(get(bytes, 52), 72U);      // name
  EXPECT_EQ(get(bytes, 56), 74U);      // path
  EXPECT_EQ(bytes.substr(60, 12), std::string(12, '\0'));
  EXPECT_EQ(bytes.substr(72, 8), std::string("b\0/b\0\0\0\0", 8));
  EXPECT_EQ(get(bytes, 80), 0xeaa42174U);  // extension magic
  EXPECT_EQ(get(bytes, 84), 1U);           // one section
  EXPECT_EQ(get(bytes, 88), 0U);           // generator
  EXPECT_EQ(get(bytes, 96), 104U);         // its offset
  EXPECT_EQ(get(bytes, 100), 8U);          // its size
  EXPECT_EQ(bytes.substr(104), "gpu-hook");
}

TEST(EncodeLdCache, SortsNamesDownwardsAndKeepsTheOrderOfEqualOnes) {
  const LdCache cache =
      value_of(parse(encoded({.entries = {entry("libb.so.2", "/1"), entry("libb.so.10", "/2"),
                                          entry("libb.so.2", "/3"), entry("libc.so.1", "/4")},
                              .hwcaps = {}})));
  EXPECT_THAT(listed(cache), ElementsAre("libc.so.1 => /4", "libb.so.10 => /2", "libb.so.2 => /1",
                                         "libb.so.2 => /3"));
}

TEST(EncodeLdCache, PutsHigherKindsOfOneNameFirst) {
  LdCacheEntry old = entry("liba.so", "/32/liba.so");
  old.flags = kLibc6I386;
  const LdCache cache =
      value_of(parse(encoded({.entries = {old, entry("liba.so", "/64/liba.so")}, .hwcaps = {}})));
  EXPECT_THAT(listed(cache), ElementsAre("liba.so => /64/liba.so", "liba.so => /32/liba.so"));
}

TEST(EncodeLdCache, IsUndoneByParsing) {
  EXPECT_EQ(value_of(parse(encoded(sample()))), sample());
  EXPECT_EQ(value_of(parse(encoded({}))), LdCache());
}

TEST(EncodeLdCache, WritesTheSameBytesForTheSameEntries) {
  EXPECT_EQ(encoded(sample()), encoded(sample()));
  EXPECT_EQ(encoded(value_of(parse(encoded(sample())))), encoded(sample()));
}

TEST(ParseLdCache, ReadsACapturedCache) {
  const LdCache cache = value_of(parse(captured("hosts/h100-x2-driver-580/etc/ld.so.cache")));
  std::vector<std::string> expected;
  const std::string printed = captured("hosts/h100-x2-driver-580/ldconfig-p.txt");
  for (const std::string_view line : lines(printed)) {
    const std::size_t arrow = line.find(" => ");
    if (arrow != std::string_view::npos)
      expected.push_back(concat(words(line).at(0), line.substr(arrow)));
  }
  EXPECT_EQ(expected.size(), 520U);
  EXPECT_EQ(listed(cache), expected);
}

TEST(ParseLdCache, ReadsTheCacheOfThisMachine) {
  if (!ldconfig()) GTEST_SKIP() << "no ldconfig on this machine";
  if (!std::filesystem::exists("/etc/ld.so.cache")) GTEST_SKIP() << "no /etc/ld.so.cache";
  const std::string bytes = testing::file_content("/etc/ld.so.cache");
  EXPECT_EQ(listed(value_of(parse(bytes))), listed_by_ldconfig(bytes));
}

// A tree with libraries of its own, scanned by the machine's ldconfig.
TEST(ParseLdCache, ReadsWhatLdconfigWrites) {
  if (!ldconfig()) GTEST_SKIP() << "no ldconfig on this machine";
  const TempTree tree;
  for (const char* const name :
       {"liba.so.1", "liba.so.10", "liba.so.2", "libb-2.5.so", "libB.so.1"})
    tree.write(concat("/usr/lib/", name), bytes_of(testing::ElfImage{.soname = name}));
  tree.write("/etc/ld.so.conf", "/usr/lib\n");
  const std::string log =
      output_of(concat(*ldconfig(), " -X -r ", tree.host_path(""), " 2>&1")).value_or("");
  if (!std::filesystem::exists(tree.host_path("/etc/ld.so.cache")))
    GTEST_SKIP() << "ldconfig -r needs the right to chroot: " << log;
  const LdCache cache = value_of(parse(testing::file_content(tree.host_path("/etc/ld.so.cache"))));
  EXPECT_THAT(listed(cache),
              ElementsAre("libb-2.5.so => /usr/lib/libb-2.5.so",
                          "liba.so.10 => /usr/lib/liba.so.10", "liba.so.2 => /usr/lib/liba.so.2",
                          "liba.so.1 => /usr/lib/liba.so.1", "libB.so.1 => /usr/lib/libB.so.1"));
}

TEST(ParseLdCache, ReadsTheNewFormatBehindAnOldOne) {
  for (const std::uint32_t count : {0U, 1U, 2U, 3U}) {
    std::string bytes("ld.so-1.7.0\0", 12);
    bytes.append(4, '\0');
    put(bytes, 12, count);
    bytes.append(std::size_t{count} * 12, '\x01');
    bytes.resize((bytes.size() + 7) / 8 * 8);
    EXPECT_EQ(value_of(parse(bytes + encoded(sample()))), sample()) << count;
  }
}

TEST(ParseLdCache, RefusesAnOldFormatAlone) {
  std::string bytes("ld.so-1.7.0\0", 12);
  bytes.append(4, '\0');
  EXPECT_EQ(error_of(parse(bytes)), "not a usable ld.so.cache: unknown format");
  put(bytes, 12, 1);
  EXPECT_EQ(error_of(parse(bytes + "x")), "not a usable ld.so.cache: old header without a new one");
  put(bytes, 12, 0xffffffffU);
  EXPECT_EQ(error_of(parse(bytes + encoded(sample()))),
            "not a usable ld.so.cache: old header with an impossible count");
  EXPECT_EQ(error_kind(parse(bytes.substr(0, 13))), "bad-input");
}

TEST(ParseLdCache, RefusesOtherFiles) {
  for (const std::string_view text :
       {std::string_view(""), std::string_view("g"), std::string_view("glibc-ld.so.cache1.0"),
        std::string_view("\x7f"
                         "ELF"),
        std::string_view("ld.so-1.7.")}) {
    EXPECT_EQ(error_of(parse(text)), "not a usable ld.so.cache: unknown format") << text;
  }
  EXPECT_EQ(error_of(parse("glibc-ld.so.cache1.1")), "not a usable ld.so.cache: header cut off");
}

TEST(ParseLdCache, TakesLittleEndianAndUnsetByteOrderOnly) {
  std::string bytes = encoded(sample());
  for (const char order : {'\0', '\2'}) {
    bytes[28] = order;
    EXPECT_TRUE(parse(bytes)) << static_cast<int>(order);
  }
  for (const char order : {'\1', '\3'}) {
    bytes[28] = order;
    EXPECT_EQ(error_of(parse(bytes)), "not a usable ld.so.cache: foreign byte order");
  }
}

TEST(ParseLdCache, RefusesNumbersThatLeadOutOfTheFile) {
  struct {
    std::string_view name;
    std::size_t at;
    std::uint32_t value;
    std::string_view error;
  } const rows[] = {
      {"entry count", 20, 0xffffffff, "more entries than bytes"},
      {"entry count times 24 wraps", 20, 0x0aaaaaab, "more entries than bytes"},
      {"name offset", 52, 0xffffffff, "name past the end"},
      {"name offset at the end", 52, 100000, "name past the end"},
      {"path offset", 56, 0xffffffff, "name past the end"},
      {"extension offset", 32, 0xffffffff, "impossible extension"},
      {"extension offset into the header", 32, 0x10, "impossible extension"},
  };
  for (const auto& row : rows) {
    std::string bytes = encoded(sample());
    put(bytes, row.at, row.value);
    EXPECT_EQ(error_of(parse(bytes)), concat("not a usable ld.so.cache: ", row.error)) << row.name;
  }
}

TEST(ParseLdCache, RefusesHostileExtensions) {
  const std::string good = encoded(sample());
  const std::size_t extension = get(good, 32);
  struct {
    std::string_view name;
    std::size_t at;
    std::uint32_t value;
    std::string_view error;
  } const rows[] = {
      {"magic", 0, 0xeaa42175, "impossible extension"},
      {"section count", 4, 0xffffffff, "impossible extension"},
      {"size of the hwcaps section", 8 + 16 + 12, 0xfffffffc, "impossible hwcaps section"},
      {"odd size of the hwcaps section", 8 + 16 + 12, 7, "impossible hwcaps section"},
      {"offset of the hwcaps section", 8 + 16 + 8, 0xfffffffc, "hwcaps name past the end"},
      {"offset of a hwcaps name", 8 + 32, 0xfffffffc, "hwcaps name past the end"},
  };
  for (const auto& row : rows) {
    std::string bytes = good;
    put(bytes, extension + row.at, row.value);
    EXPECT_EQ(error_of(parse(bytes)), concat("not a usable ld.so.cache: ", row.error)) << row.name;
  }
}

TEST(ParseLdCache, RefusesNamesThatRunPastTheEnd) {
  std::string bytes = encoded({.entries = {entry("liba.so.1", "/liba.so.1")}, .hwcaps = {}});
  put(bytes, 32, 0);  // no extension
  put(bytes, 56,
      static_cast<std::uint32_t>(bytes.size() - 4));  // inside "gpu-hook", which has no NUL
  EXPECT_EQ(error_of(parse(bytes)), "not a usable ld.so.cache: name past the end");
}

TEST(ParseLdCache, AllowsTextsToOverlap) {
  std::string bytes = encoded({.entries = {entry("liba.so", "/x/liba.so")}, .hwcaps = {}});
  put(bytes, 52, get(bytes, 56) + 3);
  EXPECT_THAT(listed(value_of(parse(bytes))), ElementsAre("liba.so => /x/liba.so"));
}

TEST(ParseLdCache, NeverYieldsMoreEntriesThanTheFileHasWhenCutOffAnywhere) {
  const std::string own = encoded(sample());
  std::string combined("ld.so-1.7.0\0\0\0\0\0", 16);
  combined += own;
  const std::string real = captured("hosts/h100-x2-driver-580/etc/ld.so.cache");
  for (const std::string& whole : {own, combined, real}) {
    const std::size_t entries = value_of(parse(whole)).entries.size();
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // A copy of its own, so that a read past the end is seen by the address sanitizer.
      const std::vector<char> part(whole.begin(),
                                   whole.begin() + static_cast<std::ptrdiff_t>(size));
      const Result<LdCache> cache = parse(std::string_view(part.data(), part.size()));
      if (cache) {
        ASSERT_LE(cache->entries.size(), entries) << size;
      }
    }
  }
}

TEST(ParseLdCache, NeverCrashesWhenAnyWordIsSpoilt) {
  const std::string whole = encoded(sample());
  for (std::size_t at = 0; at + 4 <= whole.size(); at += 4) {
    for (const std::uint32_t value : {0U, 1U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
      std::string bytes = whole;
      put(bytes, at, value);
      const Result<LdCache> cache = parse(bytes);
      if (cache) {
        ASSERT_LE(cache->entries.size(), 4U) << at;
      }
    }
  }
}

TEST(ParseLdCache, TakesNamesOf255AndPathsOf4095Bytes) {
  const std::string name(255, 'a');
  const std::string path(4095, 'b');
  EXPECT_THAT(listed(value_of(parse(encoded({.entries = {entry(name, path)}, .hwcaps = {}})))),
              ElementsAre(concat(name, " => ", path)));
  EXPECT_FALSE(parse(encoded({.entries = {entry(name + "a", path)}, .hwcaps = {}})));
  EXPECT_FALSE(parse(encoded({.entries = {entry(name, path + "b")}, .hwcaps = {}})));
}

TEST(ParseLdCache, Takes65536EntriesAndNoMore) {
  LdCache cache;
  cache.entries.assign(65536, entry("a", "/a"));
  EXPECT_THAT(value_of(parse(encoded(cache))).entries, SizeIs(65536));
  cache.entries.push_back(entry("a", "/a"));
  EXPECT_EQ(error_of(parse(encoded(cache))), "not a usable ld.so.cache: too many entries");
}

// Entries may share one text, so that a small file describes a large list.
TEST(ParseLdCache, TakesNoMoreTextThan64Mebibytes) {
  LdCache cache;
  cache.entries.assign(30000, entry("a", std::string(4095, 'b')));
  const std::string bytes = encoded(cache);
  EXPECT_LT(bytes.size(), 1U << 20U);
  EXPECT_EQ(error_of(parse(bytes)), "not a usable ld.so.cache: too much text");
}

TEST(ParseLdCache, Takes256ProcessorDirectoriesAndNoMore) {
  LdCache cache;
  cache.hwcaps.assign(256, "x86-64-v2");
  EXPECT_THAT(value_of(parse(encoded(cache))).hwcaps, SizeIs(256));
  cache.hwcaps.emplace_back("x86-64-v3");
  EXPECT_EQ(error_of(parse(encoded(cache))), "not a usable ld.so.cache: impossible hwcaps section");
}

TEST(ParseLdCache, RefusesMoreThan32Mebibytes) {
  std::string bytes = encoded(sample());
  bytes.resize(kMaxLdCacheBytes);
  EXPECT_TRUE(parse(bytes));
  bytes.push_back('\0');
  EXPECT_EQ(error_of(parse(bytes)), "not a usable ld.so.cache: too large");
}

TEST(MergeLdCache, PutsPreferredEntriesBeforeOthersOfTheSameName) {
  const LdCache existing{.entries = {entry("libcuda.so.1", "/usr/local/cuda/compat/libcuda.so.1"),
                                     entry("libz.so.1", "/lib/libz.so.1")},
                         .hwcaps = {}};
  const std::array preferred{entry("libcuda.so.1", "/usr/lib64/libcuda.so.1")};
  EXPECT_THAT(listed(value_of(parse(encoded(merge_ld_cache(existing, preferred))))),
              ElementsAre("libz.so.1 => /lib/libz.so.1", "libcuda.so.1 => /usr/lib64/libcuda.so.1",
                          "libcuda.so.1 => /usr/local/cuda/compat/libcuda.so.1"));
}

TEST(MergeLdCache, HasNoEntryTwice) {
  const std::array preferred{entry("libcuda.so.1", "/usr/lib64/libcuda.so.1")};
  const LdCache once = merge_ld_cache({}, preferred);
  EXPECT_EQ(merge_ld_cache(once, preferred), once);
}

TEST(MergeLdCache, DropsProcessorSpecificEntriesThatWouldBeChosenOverOurs) {
  const std::array preferred{entry("libz.so.1", "/ours/libz.so.1")};
  EXPECT_THAT(listed(merge_ld_cache(sample(), preferred)),
              ElementsAre("libz.so.1 => /ours/libz.so.1", "libz.so.1 => /lib64/libz.so.1",
                          "liba.so.2 => /usr/lib64/liba.so.2"));
}

TEST(MergeLdCache, LeavesOtherKindsOfTheSameNameAlone) {
  LdCacheEntry other = entry("libcuda.so.1", "/usr/lib32/libcuda.so.1");
  other.flags = kLibc6I386;
  other.hwcap = 7;
  const std::array preferred{entry("libcuda.so.1", "/usr/lib32/libcuda.so.1")};
  EXPECT_THAT(merge_ld_cache({.entries = {other}, .hwcaps = {}}, preferred).entries,
              ElementsAre(preferred[0], other));
}

TEST(MergeLdCache, KeepsTheNamesOfProcessorDirectories) {
  EXPECT_THAT(merge_ld_cache(sample(), {}).hwcaps, ElementsAre("x86-64-v2", "x86-64-v3"));
}

TEST(CompareNames, CountsRunsOfDigitsAsNumbers) {
  struct {
    std::string_view left, right;
    int sign;
  } const rows[] = {
      {"", "", 0},
      {"a", "", 1},
      {"", "a", -1},
      {"a", "a", 0},
      {"a", "b", -1},
      {"ab", "a", 1},
      {"libc.so.6", "libc.so.6", 0},
      {"libc.so.6", "libc.so.10", -1},
      {"libc-2.5.so", "libc-2.36.so", -1},
      {"lib1a", "lib01a", 0},  // leading zeros do not count
      {"lib1a", "lib01b", -1},
      {"lib0", "lib", 1},
      {"lib10", "lib9x", 1},
      {"lib9", "libx", 1},  // a digit comes after every other character
      {"libx", "lib9", -1},
      {"lib9", "lib.", 1},
      {"libB", "liba", -1},  // by bytes, not by letters
      {"lib_a", "liba", -1},
      {"1", "10", -1},
      {"580.159.04", "580.159.4", 0},
      {"580.159.04", "580.65.06", 1},
      {"lib99999999999999999999a", "lib100000000000000000000", -1},
      // char is signed where the loader runs on x86-64: bytes above 0x7f come first.
      {"lib\xc3\xa9", "liba", static_cast<char>(-1) < 0 ? -1 : 1},
  };
  for (const auto& row : rows) {
    const int order = compare_names(row.left, row.right);
    EXPECT_EQ((order > 0) - (order < 0), row.sign) << row.left << " " << row.right;
  }
}

TEST(CompareNames, IsAntisymmetric) {
  constexpr std::array<std::string_view, 10> kNames{"",    "a",   "a1",  "a01", "a1b",
                                                    "a10", "a.1", "a-1", "1",   "b"};
  for (const std::string_view left : kNames) {
    for (const std::string_view right : kNames) {
      const int forward = compare_names(left, right);
      const int backward = compare_names(right, left);
      EXPECT_EQ((forward > 0) - (forward < 0), (backward < 0) - (backward > 0))
          << left << " " << right;
    }
  }
}

TEST(CompareNames, AgreesWithTheOrderOfRealCaches) {
  std::vector<std::string> caches{captured("hosts/h100-x2-driver-580/etc/ld.so.cache")};
  if (std::filesystem::exists("/etc/ld.so.cache"))
    caches.push_back(testing::file_content("/etc/ld.so.cache"));
  for (const std::string& bytes : caches) {
    const LdCache cache = value_of(parse(bytes));
    ASSERT_THAT(cache.entries, ::testing::Not(IsEmpty()));
    for (std::size_t i = 1; i < cache.entries.size(); ++i) {
      EXPECT_GE(compare_names(cache.entries[i - 1].name, cache.entries[i].name), 0)
          << cache.entries[i - 1].name << " " << cache.entries[i].name;
    }
    EXPECT_EQ(value_of(parse(encoded(cache))), cache) << "order or content changed";
  }
}

TEST(LdCache, OfFiveThousandEntriesIsReadByLdconfig) {
  if (!ldconfig()) GTEST_SKIP() << "no ldconfig on this machine";
  LdCache large;
  for (int i = 0; i < 5000; ++i)
    large.entries.push_back(
        entry(concat("lib", i % 97, "x", i, ".so.", i % 7), concat("/usr/lib64/", i)));
  const LdCache sorted = value_of(parse(encoded(large)));
  ASSERT_THAT(sorted.entries, SizeIs(5000));
  EXPECT_EQ(listed_by_ldconfig(encoded(large)), listed(sorted));
}

TEST(LdCache, MergedWithACapturedOneIsReadByLdconfig) {
  if (!ldconfig()) GTEST_SKIP() << "no ldconfig on this machine";
  const LdCache existing = value_of(parse(captured("hosts/h100-x2-driver-580/etc/ld.so.cache")));
  const std::array preferred{entry("libcuda.so.1", "/usr/lib/x86_64-linux-gnu/libcuda.so.1"),
                             entry("libnew.so.1", "/usr/lib/x86_64-linux-gnu/libnew.so.1")};
  const std::vector<std::string> found =
      listed_by_ldconfig(encoded(merge_ld_cache(existing, preferred)));
  EXPECT_THAT(found, SizeIs(522));
  std::vector<std::string> cuda;
  for (const std::string& line : found) {
    if (line.starts_with("libcuda.so.1 ")) cuda.push_back(line);
  }
  EXPECT_THAT(cuda, ElementsAre("libcuda.so.1 => /usr/lib/x86_64-linux-gnu/libcuda.so.1",
                                "libcuda.so.1 => /usr/local/nvidia/lib64/libcuda.so.1",
                                EndsWith("/lib/libcuda.so.1")));
}

TEST(LdCache, WithProcessorSpecificEntriesIsReadByLdconfig) {
  if (!ldconfig()) GTEST_SKIP() << "no ldconfig on this machine";
  const TempTree tree;
  tree.write("/cache", encoded(sample()));
  const std::string output =
      output_of(concat(*ldconfig(), " -p -C ", tree.host_path("/cache"), " 2>&1")).value_or("");
  EXPECT_NE(
      output.find("libz.so.1 (libc6,x86-64, hwcap: \"x86-64-v3\") => /lib64/haswell/libz.so.1"),
      std::string::npos)
      << output;
  EXPECT_NE(output.find("Cache generated by: gpu-hook"), std::string::npos) << output;
}

}  // namespace
}  // namespace gpuhook::formats
