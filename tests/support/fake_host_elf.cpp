// SPDX-License-Identifier: Apache-2.0
// Writes the structures of elf.h one after the other.
#include "fake_host_elf.h"

#include <elf.h>

#include "formats/elf_facts.h"

namespace gpuhook::testing {
namespace {

struct Elf64 {
  using Header = Elf64_Ehdr;
  using Segment = Elf64_Phdr;
  using Entry = Elf64_Dyn;
  static constexpr unsigned char kClass = ELFCLASS64;
};
struct Elf32 {
  using Header = Elf32_Ehdr;
  using Segment = Elf32_Phdr;
  using Entry = Elf32_Dyn;
  static constexpr unsigned char kClass = ELFCLASS32;
};

template <class Part>
void put(std::string& out, const Part& part) {
  out.append(reinterpret_cast<const char*>(&part), sizeof part);
}

template <class Class>
std::string build(const ElfImage& image) {
  constexpr std::size_t kDynamic =
      sizeof(typename Class::Header) + 2 * sizeof(typename Class::Segment);
  constexpr std::size_t kStrings = kDynamic + 4 * sizeof(typename Class::Entry);
  const std::string strings = std::string(1, '\0') + image.soname.value_or("") + '\0';

  typename Class::Header header{};
  header.e_ident[EI_MAG0] = ELFMAG0;
  header.e_ident[EI_MAG1] = ELFMAG1;
  header.e_ident[EI_MAG2] = ELFMAG2;
  header.e_ident[EI_MAG3] = ELFMAG3;
  header.e_ident[EI_CLASS] = Class::kClass;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = image.type;
  header.e_machine = image.machine == 0 ? formats::native_machine() : image.machine;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(typename Class::Segment);
  header.e_phnum = 2;

  typename Class::Segment load{};
  load.p_type = PT_LOAD;
  load.p_filesz = load.p_memsz = static_cast<decltype(load.p_filesz)>(kStrings + strings.size());
  typename Class::Segment dynamic{};
  dynamic.p_type = PT_DYNAMIC;
  dynamic.p_offset = dynamic.p_vaddr = kDynamic;
  dynamic.p_filesz = dynamic.p_memsz = kStrings - kDynamic;

  std::string out;
  put(out, header);
  put(out, load);
  put(out, dynamic);
  typename Class::Entry entry{};
  entry.d_tag = image.soname ? DT_SONAME : DT_DEBUG;
  entry.d_un.d_val = 1;
  put(out, entry);
  entry.d_tag = DT_STRTAB;
  entry.d_un.d_ptr = kStrings;
  put(out, entry);
  entry.d_tag = DT_STRSZ;
  entry.d_un.d_val = static_cast<decltype(entry.d_un.d_val)>(strings.size());
  put(out, entry);
  put(out, typename Class::Entry{});
  return out + strings;
}

}  // namespace

std::string bytes_of(const ElfImage& image) {
  return image.is_64_bit ? build<Elf64>(image) : build<Elf32>(image);
}

}  // namespace gpuhook::testing
