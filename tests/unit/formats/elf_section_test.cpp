// SPDX-License-Identifier: Apache-2.0
#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "base/try.h"
#include "fake_host_elf.h"
#include "formats/elf_facts.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using testing::bytes_of;
using testing::ElfImage;
using testing::error_kind;
using testing::error_of;
using testing::kElfSectionBytes;
using testing::kElfSectionOffset;
using testing::kElfSectionSize;
using testing::kElfShentsize;
using testing::kElfShnum;
using testing::kElfShoff;
using testing::kElfShstrndx;
using testing::value_of;
using testing::with_sections;

constexpr std::size_t kLimit = 1000;

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

Result<std::string> section_of(const std::string& image, std::string_view name,
                               std::size_t limit = kLimit) {
  const std::vector<std::byte> bytes = TRY(read_elf_section(reader_of(image), name, limit));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Entry 1 is ".note.x" with 15 bytes, entry 2 ".data", entry 3 the names.
std::string library() {
  return with_sections(bytes_of(ElfImage{.soname = "libx.so.1"}),
                       {{.name = ".note.x", .content = "fifteen bytes\n."},
                        {.name = ".data", .content = "data", .type = SHT_PROGBITS}});
}
constexpr std::size_t kEntries = 4;

template <class Number>
std::string with(std::string image, std::size_t at, Number value) {
  std::memcpy(image.data() + at, &value, sizeof value);
  return image;
}

// The position of a field of one entry of the section table.
std::size_t in_entry(std::size_t entry, std::size_t field) {
  return library().size() - (kEntries - entry) * kElfSectionBytes + field;
}

TEST(ReadElfSection, GivesTheContentOfTheNamedSection) {
  EXPECT_EQ(value_of(section_of(library(), ".note.x")), "fifteen bytes\n.");
  EXPECT_EQ(value_of(section_of(library(), ".data")), "data");
}

TEST(ReadElfSection, GivesEveryByteOfBinaryContent) {
  const std::string content("\0\xff\0\x01", 4);
  const std::string image = with_sections(bytes_of({}), {{.name = ".x", .content = content}});
  EXPECT_EQ(value_of(section_of(image, ".x")), content);
}

TEST(ReadElfSection, FindsNothingUnderAnotherName) {
  for (const std::string_view name :
       {".note", ".note.", ".note.x.y", "note.x", ".NOTE.X", ".note.x ", "x", ".nothing"})
    EXPECT_EQ(value_of(section_of(library(), name)), "") << name;
}

TEST(ReadElfSection, FindsNothingInAFileWithoutSections) {
  EXPECT_EQ(value_of(section_of(bytes_of(ElfImage{.soname = "libx.so.1"}), ".note.x")), "");
  EXPECT_EQ(value_of(section_of(with(library(), kElfShnum, std::uint16_t{0}), ".note.x")), "");
}

TEST(ReadElfSection, FindsAnEmptySectionEmpty) {
  const std::string image = with_sections(bytes_of({}), {{.name = ".x", .content = ""}});
  EXPECT_EQ(value_of(section_of(image, ".x")), "");
}

TEST(ReadElfSection, ReadsSectionsUpToTheLimit) {
  EXPECT_EQ(value_of(section_of(library(), ".note.x", 15)), "fifteen bytes\n.");
  EXPECT_EQ(value_of(section_of(library(), ".note.x", 14)), "");
  EXPECT_EQ(value_of(section_of(library(), ".note.x", 0)), "");
}

TEST(ReadElfSection, HasNoContentOfASectionThatIsNotInTheFile) {
  const std::string image =
      with_sections(bytes_of({}), {{.name = ".bss", .content = "bytes", .type = SHT_NOBITS}});
  EXPECT_EQ(value_of(section_of(image, ".bss")), "");
}

TEST(ReadElfSection, ReadsTheProgramItRunsIn) {
  const std::string self = testing::file_content("/proc/self/exe");
  const std::string interpreter = value_of(section_of(self, ".interp"));
  EXPECT_TRUE(interpreter.starts_with('/')) << in_quotes(interpreter);
  EXPECT_TRUE(interpreter.ends_with('\0')) << in_quotes(interpreter);
}

TEST(ReadElfSection, Refuses32BitFiles) {
  EXPECT_EQ(error_kind(section_of(bytes_of(ElfImage{.is_64_bit = false, .machine = EM_386}), ".x")),
            "bad-input");
  EXPECT_EQ(error_kind(section_of(with(library(), EI_CLASS, std::uint8_t{ELFCLASS32}), ".note.x")),
            "bad-input");
}

TEST(ReadElfSection, RefusesOtherFiles) {
  for (const std::string& image :
       {std::string(), std::string(64, '\0'), "#!/bin/sh\n" + std::string(100, '#'),
        "!<arch>\n" + std::string(100, ' '), with(library(), EI_DATA, std::uint8_t{ELFDATA2MSB}),
        with(library(), EI_MAG0, 'F')})
    EXPECT_EQ(error_kind(section_of(image, ".note.x")), "bad-input") << in_quotes(image);
}

TEST(ReadElfSection, RefusesAMalformedTable) {
  struct {
    std::string_view name;
    std::string image;
  } const rows[] = {
      {"entry size 0", with(library(), kElfShentsize, std::uint16_t{0})},
      {"entry size of the other class", with(library(), kElfShentsize, std::uint16_t{40})},
      {"entry size one too small", with(library(), kElfShentsize, std::uint16_t{63})},
      {"entry size one too large", with(library(), kElfShentsize, std::uint16_t{65})},
      {"entry size 65535", with(library(), kElfShentsize, std::uint16_t{0xffff})},
      {"names behind the last entry", with(library(), kElfShstrndx, std::uint16_t{kEntries})},
      {"names in entry 65535", with(library(), kElfShstrndx, std::uint16_t{0xffff})},
      {"table one byte too far", with(library(), kElfShoff, library().size() - 4 * 64 + 1)},
      {"table at the end", with(library(), kElfShoff, std::uint64_t{library().size()})},
      {"table past the end", with(library(), kElfShoff, std::uint64_t{1} << 40U)},
      {"table at the end of the address space", with(library(), kElfShoff, UINT64_MAX)},
      {"table around the end of the address space", with(library(), kElfShoff, UINT64_MAX - 255)},
      {"table below zero for signed offsets", with(library(), kElfShoff, std::uint64_t{1} << 63U)},
      {"more names than bytes",
       with(library(), in_entry(3, kElfSectionSize), std::uint64_t{UINT64_MAX})},
      {"four gibibytes of names",
       with(library(), in_entry(3, kElfSectionSize), std::uint64_t{1} << 32U)},
  };
  for (const auto& row : rows)
    EXPECT_EQ(error_kind(section_of(row.image, ".note.x")), "bad-input") << row.name;
}

TEST(ReadElfSection, RefusesATableOfMoreEntriesThanTheFileHas) {
  for (const auto count : std::initializer_list<std::uint16_t>{5, 512, 513, 0xfeff, 0xffff})
    EXPECT_EQ(error_kind(section_of(with(library(), kElfShnum, count), ".note.x")), "bad-input")
        << count;
}

TEST(ReadElfSection, RefusesASectionThatIsNotWhollyInTheFile) {
  // A part of it is not its content.
  const std::uint64_t size = library().size();
  struct {
    std::string_view name;
    std::string image;
  } const rows[] = {
      {"at the end", with(library(), in_entry(1, kElfSectionOffset), size)},
      {"past the end by one byte", with(library(), in_entry(1, kElfSectionOffset), size - 14)},
      {"far past the end",
       with(library(), in_entry(1, kElfSectionOffset), std::uint64_t{1} << 40U)},
      {"at the end of the address space",
       with(library(), in_entry(1, kElfSectionOffset), UINT64_MAX)},
      {"around the end of the address space",
       with(library(), in_entry(1, kElfSectionOffset), UINT64_MAX - 7)},
      {"longer than the file",
       with(library(), in_entry(1, kElfSectionSize), std::uint64_t{kLimit})},
  };
  for (const auto& row : rows)
    EXPECT_EQ(error_kind(section_of(row.image, ".note.x")), "bad-input") << row.name;
}

TEST(ReadElfSection, ReadsASectionThatEndsWithTheFile) {
  const std::uint64_t start = library().size() - 15;
  EXPECT_EQ(value_of(section_of(with(library(), in_entry(1, kElfSectionOffset), start), ".note.x"))
                .size(),
            15U);
}

TEST(ReadElfSection, FindsNothingUnderANameThatIsNotInTheTableOfNames) {
  for (const std::uint32_t name : {10000U, 65535U, UINT32_MAX})
    EXPECT_EQ(value_of(section_of(with(library(), in_entry(1, 0), name), ".note.x")), "") << name;
}

TEST(ReadElfSection, FindsNothingWhereNoEntryHoldsTheNames) {
  // Index 0 (SHN_UNDEF): the file has no names.
  EXPECT_EQ(value_of(section_of(with(library(), kElfShstrndx, std::uint16_t{0}), ".note.x")), "");
}

TEST(ReadElfSection, PassesOnWhatTheReaderSays) {
  const std::string image = library();
  // Header, table, names, content: each of the four reads fails once.
  for (int failing = 0; failing < 4; ++failing) {
    int count = 0;
    const ReadAt reader = [&](std::uint64_t offset,
                              std::size_t size) -> Result<std::vector<std::byte>> {
      if (count++ == failing) return fail(ErrorKind::kSystem, "pread");
      return reader_of(image)(offset, size);
    };
    EXPECT_EQ(error_of(read_elf_section(reader, ".note.x", kLimit)), "pread") << failing;
  }
}

TEST(ReadElfSection, IsRefusedWhenCutOffAnywhere) {
  const std::string whole = library();
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_EQ(error_kind(section_of(whole.substr(0, size), ".note.x")), "bad-input") << size;
}

// What may be read of a file whatever it says: header, 512 entries, 64 KiB of names, the content.
constexpr std::size_t kMaxAsked = 64 + std::size_t{512} * 64 + 65536 + kLimit;

void expect_bounded(const std::string& image, const std::string& what) {
  std::size_t asked = 0;
  const auto content = read_elf_section(reader_of(image, &asked), ".note.x", kLimit);
  EXPECT_LE(asked, kMaxAsked) << what;
  if (content) {
    EXPECT_LE(content->size(), kLimit) << what;
  } else {
    EXPECT_EQ(error_kind(content), "bad-input") << what;
  }
}

template <class Number>
void expect_bounded_with_any(std::size_t at, const std::string& what) {
  Number old{};
  std::memcpy(&old, library().data() + at, sizeof old);
  const Number max = static_cast<Number>(~Number{0});
  for (const Number value : {Number{0}, Number{1}, static_cast<Number>(old - 1),
                             static_cast<Number>(old + 1), static_cast<Number>(max / 2),
                             static_cast<Number>(max / 2 + 1), static_cast<Number>(max - 1), max}) {
    expect_bounded(with(library(), at, value), concat(what, " = ", value));
  }
}

TEST(ReadElfSection, ReadsLittleWhateverTheHeaderSays) {
  expect_bounded_with_any<std::uint64_t>(kElfShoff, "e_shoff");
  expect_bounded_with_any<std::uint16_t>(kElfShentsize, "e_shentsize");
  expect_bounded_with_any<std::uint16_t>(kElfShnum, "e_shnum");
  expect_bounded_with_any<std::uint16_t>(kElfShstrndx, "e_shstrndx");
}

TEST(ReadElfSection, ReadsLittleWhateverTheEntriesSay) {
  for (std::size_t entry = 0; entry < kEntries; ++entry) {
    const std::string what = concat("entry ", entry, " field ");
    for (const std::size_t field : {0U, 4U, 40U, 44U})
      expect_bounded_with_any<std::uint32_t>(in_entry(entry, field), concat(what, field));
    for (const std::size_t field : {8U, 16U, 24U, 32U, 48U, 56U})
      expect_bounded_with_any<std::uint64_t>(in_entry(entry, field), concat(what, field));
  }
}

TEST(ReadElfSection, ReadsLittleWhenAnyByteIsSpoilt) {
  for (std::size_t at = 0; at < library().size(); ++at) {
    for (const char value : {'\x00', '\x01', '\x7f', '\x80', '\xff'})
      expect_bounded(with(library(), at, value), concat("byte ", at));
  }
}

}  // namespace
}  // namespace gpuhook::formats
