// SPDX-License-Identifier: Apache-2.0
// Writes the structures of elf.h one after the other.
#include "fake_host_elf.h"

#include <elf.h>

#include <cstring>

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

std::string with_sections(std::string image, const std::vector<ElfSection>& sections) {
  std::vector<Elf64_Shdr> table(1);
  std::string names(1, '\0');
  const auto add = [&](const ElfSection& section) {
    Elf64_Shdr entry{};
    entry.sh_name = static_cast<Elf64_Word>(names.size());
    entry.sh_type = section.type;
    entry.sh_offset = image.size();
    entry.sh_size = section.content.size();
    entry.sh_addralign = 1;
    table.push_back(entry);
    names += section.name + '\0';
    image += section.content;
  };
  for (const ElfSection& section : sections) add(section);
  // The names hold their own section's name: it goes in before they are written.
  add({.name = ".shstrtab", .content = "", .type = SHT_STRTAB});
  table.back().sh_size = names.size();
  image += names;

  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof header);
  header.e_shoff = image.size();
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<Elf64_Half>(table.size());
  header.e_shstrndx = static_cast<Elf64_Half>(table.size() - 1);
  std::memcpy(image.data(), &header, sizeof header);
  for (const Elf64_Shdr& entry : table) put(image, entry);
  return image;
}

std::string elf_note(std::string_view owner, std::string_view description) {
  const auto padded = [](std::string text) {
    text.resize((text.size() + 3) / 4 * 4, '\0');
    return text;
  };
  Elf64_Nhdr header{};
  header.n_namesz = static_cast<Elf64_Word>(owner.size() + 1);
  header.n_descsz = static_cast<Elf64_Word>(description.size());
  header.n_type = 1;
  std::string out;
  put(out, header);
  return out + padded(std::string(owner) + '\0') + padded(std::string(description));
}

}  // namespace gpuhook::testing
