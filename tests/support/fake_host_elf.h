// SPDX-License-Identifier: Apache-2.0
// ELF files of a few hundred bytes: enough of one for a reader of headers, of the dynamic section
// and of named sections.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpuhook::testing {

struct ElfImage {
  bool is_64_bit = true;
  std::uint16_t machine = 0;                         // 0: the machine this program was built for
  std::uint16_t type = 3;                            // ET_DYN
  std::optional<std::string> soname = std::nullopt;  // none: no DT_SONAME
};

// Byte positions in a 64-bit image, for tests that spoil it.
//
//   0 header   64 PT_LOAD of the whole file   120 PT_DYNAMIC
//   176 DT_SONAME, DT_STRTAB, DT_STRSZ, DT_NULL, 16 bytes each   240 "\0" soname "\0"
inline constexpr std::size_t kElfPhoff = 32;
inline constexpr std::size_t kElfPhentsize = 54;
inline constexpr std::size_t kElfPhnum = 56;
inline constexpr std::size_t kElfLoadOffset = 64 + 8;
inline constexpr std::size_t kElfLoadSize = 64 + 32;
inline constexpr std::size_t kElfDynamicOffset = 120 + 8;
inline constexpr std::size_t kElfDynamicSize = 120 + 32;
inline constexpr std::size_t kElfSonameValue = 176 + 8;
inline constexpr std::size_t kElfStrtabValue = 192 + 8;
inline constexpr std::size_t kElfStrszValue = 208 + 8;
inline constexpr std::size_t kElfNullTag = 224;
inline constexpr std::size_t kElfStrings = 240;

std::string bytes_of(const ElfImage& image);

struct ElfSection {
  std::string name;
  std::string content;
  std::uint32_t type = 7;  // SHT_NOTE
};

// A 64-bit image with the sections behind it:
//
//   image   contents   "\0" names "\0" ".shstrtab" "\0"   table: empty entry, `sections`, .shstrtab
std::string with_sections(std::string image, const std::vector<ElfSection>& sections);

// More positions in the header, and positions in an entry of the section table, the image's last.
inline constexpr std::size_t kElfShoff = 40;
inline constexpr std::size_t kElfShentsize = 58;
inline constexpr std::size_t kElfShnum = 60;
inline constexpr std::size_t kElfShstrndx = 62;
inline constexpr std::size_t kElfSectionBytes = 64;
inline constexpr std::size_t kElfSectionOffset = 24;
inline constexpr std::size_t kElfSectionSize = 32;

// One ELF note of type 1, as it is in a section: sizes, owner, NUL, description, padded to four
// bytes each.
std::string elf_note(std::string_view owner, std::string_view description);

}  // namespace gpuhook::testing
