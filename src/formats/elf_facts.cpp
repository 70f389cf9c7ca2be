// SPDX-License-Identifier: Apache-2.0
// ELF by libelf, fed with the three pieces of a file that matter: head, dynamic section, SONAME.
#include "formats/elf_facts.h"

#include <elf.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::formats {
namespace {

constexpr std::size_t kHeadBytes = 4096;  // ELF header and program headers of every real library
constexpr std::size_t kMaxDynamicBytes = 65536;  // 4096 entries
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMaxSections = 512;
constexpr std::size_t kMaxNamesBytes = 65536;

struct ElfEnd {
  void operator()(Elf* elf) const { (void)elf_end(elf); }  // counts references, cannot fail
};
using UniqueElf = std::unique_ptr<Elf, ElfEnd>;

tl::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::kBadInput, concat("not usable ELF: ", why));
}

struct Head {
  ElfFacts facts;
  std::vector<GElf_Phdr> segments;
};

Result<Head> parse_head(std::vector<std::byte>& bytes) {
  if (elf_version(EV_CURRENT) == EV_NONE) return malformed("libelf is too old");
  if (bytes.size() < sizeof(Elf32_Ehdr)) return malformed("too short");
  const UniqueElf elf(elf_memory(reinterpret_cast<char*>(bytes.data()), bytes.size()));
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return malformed("no ELF header");
  GElf_Ehdr header;
  if (gelf_getehdr(elf.get(), &header) == nullptr) return malformed("bad header");
  if (header.e_ident[EI_DATA] != ELFDATA2LSB) return malformed("foreign byte order");
  Head head;
  head.facts.elf_class = gelf_getclass(elf.get()) == ELFCLASS64 ? ElfClass::k64 : ElfClass::k32;
  head.facts.machine = header.e_machine;
  head.facts.type = header.e_type;
  const std::size_t entry = gelf_fsize(elf.get(), ELF_T_PHDR, 1, EV_CURRENT);
  if (header.e_phnum == PN_XNUM || (header.e_phnum != 0 && header.e_phentsize != entry)) {
    return malformed("bad program header table");
  }
  const bool inside =
      header.e_phoff <= bytes.size() && header.e_phnum <= (bytes.size() - header.e_phoff) / entry;
  for (int i = 0; inside && i < header.e_phnum; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf.get(), i, &segment) == nullptr) return malformed("bad program header");
    head.segments.push_back(segment);
  }
  return head;
}

// Where the byte at a virtual address is in the file.
std::optional<std::uint64_t> file_offset(const std::vector<GElf_Phdr>& segments,
                                         std::uint64_t address) {
  for (const GElf_Phdr& segment : segments) {
    const bool covers = segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
                        address - segment.p_vaddr < segment.p_filesz;
    if (covers && segment.p_offset <= UINT64_MAX - (address - segment.p_vaddr)) {
      return segment.p_offset + (address - segment.p_vaddr);
    }
  }
  return std::nullopt;
}

struct Dynamic {
  std::optional<std::uint64_t> soname;  // offset in the string table
  std::optional<std::uint64_t> strings;
  std::uint64_t strings_size = 0;
};

template <class Entry>
Dynamic parse_dynamic(std::span<const std::byte> bytes) {
  Dynamic dynamic;
  for (std::size_t at = 0; at + sizeof(Entry) <= bytes.size(); at += sizeof(Entry)) {
    Entry entry;
    std::memcpy(&entry, bytes.data() + at, sizeof entry);
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_SONAME) dynamic.soname = entry.d_un.d_val;
    if (entry.d_tag == DT_STRTAB) dynamic.strings = entry.d_un.d_ptr;
    if (entry.d_tag == DT_STRSZ) dynamic.strings_size = entry.d_un.d_val;
  }
  return dynamic;
}

Result<std::string> read_soname(const ReadAt& read, const Head& head, const GElf_Phdr& segment) {
  const std::vector<std::byte> bytes = TRY(
      read(segment.p_offset,
           static_cast<std::size_t>(std::min<std::uint64_t>(segment.p_filesz, kMaxDynamicBytes))));
  const Dynamic dynamic = head.facts.elf_class == ElfClass::k64 ? parse_dynamic<Elf64_Dyn>(bytes)
                                                                : parse_dynamic<Elf32_Dyn>(bytes);
  if (!dynamic.soname || !dynamic.strings || *dynamic.soname >= dynamic.strings_size)
    return std::string();
  const auto table = file_offset(head.segments, *dynamic.strings);
  if (!table || *table > UINT64_MAX - *dynamic.soname) return std::string();
  const std::vector<std::byte> name = TRY(read(*table + *dynamic.soname, kMaxNameBytes));
  const auto end = std::find(name.begin(), name.end(), std::byte{0});
  if (end == name.end()) return std::string();
  const std::string_view text(reinterpret_cast<const char*>(name.data()),
                              static_cast<std::size_t>(end - name.begin()));
  return usable_soname(text) ? std::string(text) : std::string();
}

template <class Structure>
Result<Structure> read_structure(const ReadAt& read, std::uint64_t offset) {
  const std::vector<std::byte> bytes = TRY(read(offset, sizeof(Structure)));
  Structure structure;
  if (bytes.size() < sizeof structure) return malformed("cut off");
  std::memcpy(&structure, bytes.data(), sizeof structure);
  return structure;
}

struct Sections {
  std::vector<Elf64_Shdr> headers;
  std::vector<std::byte> names;

  [[nodiscard]] bool is_named(const Elf64_Shdr& header, std::string_view name) const {
    const std::string_view all(reinterpret_cast<const char*>(names.data()), names.size());
    if (header.sh_name >= all.size()) return false;
    const std::string_view rest = all.substr(header.sh_name);
    return rest.substr(0, rest.find('\0')) == name;
  }
};

Result<Sections> read_sections(const ReadAt& read) {
  const auto header = TRY(read_structure<Elf64_Ehdr>(read, 0));
  const bool is_elf64 = std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                        header.e_ident[EI_CLASS] == ELFCLASS64 &&
                        header.e_ident[EI_DATA] == ELFDATA2LSB;
  if (!is_elf64) return malformed("not 64-bit");
  if (header.e_shnum == 0) return Sections();
  if (header.e_shnum > kMaxSections) return malformed("too many sections");
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shstrndx >= header.e_shnum)
    return malformed("bad section table");
  const std::vector<std::byte> table =
      TRY(read(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr)));
  if (table.size() != header.e_shnum * sizeof(Elf64_Shdr)) return malformed("cut off");
  Sections sections;
  sections.headers.resize(header.e_shnum);
  std::memcpy(sections.headers.data(), table.data(), table.size());
  const Elf64_Shdr& names = sections.headers[header.e_shstrndx];
  if (names.sh_size > kMaxNamesBytes) return malformed("too many section names");
  sections.names = TRY(read(names.sh_offset, static_cast<std::size_t>(names.sh_size)));
  return sections;
}

}  // namespace

Result<std::vector<std::byte>> read_elf_section(const ReadAt& read, std::string_view name,
                                                std::size_t limit) {
  const Sections sections = TRY(read_sections(read));
  for (const Elf64_Shdr& header : sections.headers) {
    if (!sections.is_named(header, name) || header.sh_size > limit) continue;
    if (header.sh_type == SHT_NOBITS) continue;
    std::vector<std::byte> content =
        TRY(read(header.sh_offset, static_cast<std::size_t>(header.sh_size)));
    if (content.size() != header.sh_size) return malformed("section past the end");
    return content;
  }
  return std::vector<std::byte>();
}

bool usable_soname(std::string_view name) {
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f && c != '/'; };
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), printable);
}

std::uint16_t native_machine() {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#else
#error "gpu-hook knows the library conventions of x86-64 and AArch64 only"
#endif
}

Result<ElfFacts> read_elf_facts(const ReadAt& read) {
  std::vector<std::byte> bytes = TRY(read(0, kHeadBytes));
  Head head = TRY(parse_head(bytes));
  const auto dynamic =
      std::find_if(head.segments.begin(), head.segments.end(),
                   [](const GElf_Phdr& segment) { return segment.p_type == PT_DYNAMIC; });
  if (dynamic != head.segments.end()) head.facts.soname = TRY(read_soname(read, head, *dynamic));
  return head.facts;
}

}  // namespace gpuhook::formats
