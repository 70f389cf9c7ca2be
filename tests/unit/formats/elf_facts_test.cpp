// SPDX-License-Identifier: Apache-2.0
#include "formats/elf_facts.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "base/try.h"
#include "fake_host_elf.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using testing::bytes_of;
using testing::ElfImage;
using testing::error_kind;
using testing::error_of;
using testing::value_of;

// Serves reads from `image`; what was asked for is added to `asked`.
ReadAt reader_of(const std::string& image, std::size_t* asked = nullptr) {
  return [&image, asked](std::uint64_t offset, std::size_t size) -> Result<std::vector<std::byte>> {
    if (asked != nullptr) *asked += size;
    if (offset >= image.size()) return std::vector<std::byte>();
    const auto start = static_cast<std::size_t>(offset);
    const auto* const first = reinterpret_cast<const std::byte*>(image.data()) + start;
    return std::vector<std::byte>(first, first + std::min(size, image.size() - start));
  };
}

Result<ElfFacts> facts_of(const std::string& image) { return read_elf_facts(reader_of(image)); }

std::string library(const std::string& soname = "libx.so.1") {
  return bytes_of(ElfImage{.soname = soname});
}

template <class Number>
std::string with(std::string image, std::size_t at, Number value) {
  std::memcpy(image.data() + at, &value, sizeof value);
  return image;
}

TEST(ReadElfFacts, ReadsA64BitLibrary) {
  EXPECT_EQ(value_of(facts_of(bytes_of(ElfImage{.machine = EM_X86_64, .soname = "libcuda.so.1"}))),
            (ElfFacts{.elf_class = ElfClass::k64,
                      .machine = EM_X86_64,
                      .type = ET_DYN,
                      .soname = "libcuda.so.1"}));
}

TEST(ReadElfFacts, ReadsA32BitLibrary) {
  EXPECT_EQ(value_of(facts_of(bytes_of(
                ElfImage{.is_64_bit = false, .machine = EM_386, .soname = "libcuda.so.1"}))),
            (ElfFacts{.elf_class = ElfClass::k32,
                      .machine = EM_386,
                      .type = ET_DYN,
                      .soname = "libcuda.so.1"}));
}

TEST(ReadElfFacts, ReadsTypeAndMachineOfOtherFiles) {
  const ElfFacts facts =
      value_of(facts_of(bytes_of(ElfImage{.machine = EM_AARCH64, .type = ET_REL})));
  EXPECT_EQ(facts.type, ET_REL);
  EXPECT_EQ(facts.machine, EM_AARCH64);
  EXPECT_EQ(facts.soname, "");
}

TEST(ReadElfFacts, ReadsTheProgramItRunsIn) {
  const std::string self = testing::file_content("/proc/self/exe");
  const ElfFacts facts = value_of(facts_of(self));
  EXPECT_EQ(facts.elf_class, ElfClass::k64);
  EXPECT_EQ(facts.machine, native_machine());
  EXPECT_EQ(facts.soname, "");
}

TEST(ReadElfFacts, AsksForNoMoreThan256Kibibytes) {
  std::string image = with(library(), testing::kElfDynamicSize, std::uint64_t{1} << 40U);
  image.resize(1U << 20U, '\x01');
  std::size_t asked = 0;
  ASSERT_TRUE(read_elf_facts(reader_of(image, &asked)));
  EXPECT_LE(asked, 256U * 1024U);
}

TEST(ReadElfFacts, PassesOnWhatTheReaderSays) {
  const ReadAt broken = [](std::uint64_t, std::size_t) -> Result<std::vector<std::byte>> {
    return fail(ErrorKind::kSystem, "pread");
  };
  EXPECT_EQ(error_of(read_elf_facts(broken)), "pread");
}

TEST(ReadElfFacts, RefusesOtherFiles) {
  struct {
    std::string_view name;
    std::string image;
  } const rows[] = {
      {"empty", ""},
      {"script",
       "#!/bin/sh\nexec /usr/local/nvidia/bin/nvidia-smi \"$@\"\n" + std::string(100, '#')},
      {"archive", "!<arch>\n" + std::string(100, ' ')},
      {"magic alone",
       "\x7f"
       "ELF" +
           std::string(100, '\0')},
      {"class 3", with(library(), EI_CLASS, std::uint8_t{3})},
      {"big endian", with(library(), EI_DATA, std::uint8_t{ELFDATA2MSB})},
      {"no version", with(library(), EI_VERSION, std::uint8_t{0})},
  };
  for (const auto& row : rows) EXPECT_EQ(error_kind(facts_of(row.image)), "bad-input") << row.name;
}

TEST(ReadElfFacts, RefusesImpossibleProgramHeaders) {
  struct {
    std::string_view name;
    std::string image;
  } const rows[] = {
      {"PN_XNUM", with(library(), testing::kElfPhnum, std::uint16_t{0xffff})},
      {"entry size 0", with(library(), testing::kElfPhentsize, std::uint16_t{0})},
      {"entry size 1", with(library(), testing::kElfPhentsize, std::uint16_t{1})},
      {"entry size of the other class", with(library(), testing::kElfPhentsize, std::uint16_t{32})},
  };
  for (const auto& row : rows)
    EXPECT_EQ(error_of(facts_of(row.image)), "not usable ELF: bad program header table")
        << row.name;
}

TEST(ReadElfFacts, FindsNoNameWhereTheHeadersLeadNowhere) {
  struct {
    std::string_view name;
    std::string image;
  } const rows[] = {
      {"no program headers", with(library(), testing::kElfPhnum, std::uint16_t{0})},
      {"more headers than bytes", with(library(), testing::kElfPhnum, std::uint16_t{0xfffe})},
      {"headers past the end", with(library(), testing::kElfPhoff, std::uint64_t{100000})},
      {"offset of headers wraps", with(library(), testing::kElfPhoff, UINT64_MAX - 55)},
      {"dynamic section past the end",
       with(library(), testing::kElfDynamicOffset, std::uint64_t{1} << 62U)},
      {"dynamic section of no byte", with(library(), testing::kElfDynamicSize, std::uint64_t{0})},
      {"loaded at the end of the address space",
       with(library(), testing::kElfLoadOffset, UINT64_MAX - 1)},
      {"nothing loaded", with(library(), testing::kElfLoadSize, std::uint64_t{0})},
  };
  for (const auto& row : rows) EXPECT_EQ(value_of(facts_of(row.image)).soname, "") << row.name;
}

TEST(ReadElfFacts, FindsNoNameInAHostileDynamicSection) {
  struct {
    std::string_view name;
    std::string image;
  } const rows[] = {
      {"string table outside", with(library(), testing::kElfStrtabValue, std::uint64_t{1} << 40U)},
      {"name offset huge", with(library(), testing::kElfSonameValue, UINT64_MAX)},
      {"name offset behind the table",
       with(library(), testing::kElfSonameValue, std::uint64_t{11})},
      {"string table of no byte", with(library(), testing::kElfStrszValue, std::uint64_t{0})},
      {"empty name", library("")},
      {"dot", library(".")},
      {"two dots", library("..")},
      {"slash", library("../../etc/passwd")},
      {"line break", library("lib\nx.so")},
      {"space", library("lib x.so")},
      {"not ASCII", library("lib\xc3\xa9.so")},
      {"256 bytes", library(std::string(256, 'a'))},
      {"one mebibyte", library(std::string(1U << 20U, 'a'))},
      {"name without its end", library().substr(0, library().size() - 1)},
  };
  for (const auto& row : rows) EXPECT_EQ(value_of(facts_of(row.image)).soname, "") << row.name;
}

TEST(ReadElfFacts, ReadsADynamicSectionWithoutItsEnd) {
  // DT_NULL becomes DT_DEBUG; the section's size ends it.
  EXPECT_EQ(
      value_of(facts_of(with(library(), testing::kElfNullTag, std::int64_t{DT_DEBUG}))).soname,
      "libx.so.1");
}

TEST(ReadElfFacts, TakesNamesOf255Bytes) {
  const std::string longest(255, 'a');
  EXPECT_EQ(value_of(facts_of(library(longest))).soname, longest);
}

TEST(ReadElfFacts, IgnoresQuotesInNamesButNotTheName) {
  EXPECT_EQ(value_of(facts_of(library("lib\"$(id)\".so"))).soname, "lib\"$(id)\".so");
}

TEST(ReadElfFacts, NeverYieldsAnotherNameWhenCutOffAnywhere) {
  for (const std::string& whole :
       {library(),
        bytes_of(ElfImage{.is_64_bit = false, .machine = EM_386, .soname = "libx.so.1"})}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Result<ElfFacts> facts = facts_of(whole.substr(0, size));
      if (facts) {
        ASSERT_EQ(facts->soname, "") << size;
      }
    }
  }
}

TEST(ReadElfFacts, NeverYieldsAnUnusableNameWhenAnyByteIsSpoilt) {
  const std::string whole = library();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value : {'\x00', '\x01', '\x7f', '\x80', '\xff'}) {
      const Result<ElfFacts> facts = facts_of(with(whole, at, value));
      if (facts && !facts->soname.empty()) {
        ASSERT_TRUE(usable_soname(facts->soname)) << at;
      }
    }
  }
}

TEST(UsableSoname, IsOneNameOfPrintableBytes) {
  for (const std::string_view name : {"a", "libcuda.so.1", "...", "-x", "%n"})
    EXPECT_TRUE(usable_soname(name)) << name;
  for (const std::string_view name : {"", ".", "..", "a/b", "/", "a b", "a\t", "a\x7f", "\x80"})
    EXPECT_FALSE(usable_soname(name)) << in_quotes(name);
  EXPECT_TRUE(usable_soname(std::string(255, 'a')));
  EXPECT_FALSE(usable_soname(std::string(256, 'a')));
}

}  // namespace
}  // namespace gpuhook::formats
