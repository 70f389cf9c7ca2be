// SPDX-License-Identifier: Apache-2.0
// What kind of ELF file something is, read from a few pieces of it: driver libraries have up to 100
// MB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gpuhook/result.h"

namespace gpuhook::formats {

enum class ElfClass : std::uint8_t { k32, k64 };

struct ElfFacts {
  ElfClass elf_class = ElfClass::k64;
  std::uint16_t machine = 0;  // EM_X86_64, ...
  std::uint16_t type = 0;     // ET_EXEC, ET_DYN, ...
  std::string soname;         // empty when there is no usable DT_SONAME
  bool operator==(const ElfFacts&) const = default;
};

// Up to `size` bytes from `offset`; fewer at the end of the file.
using ReadAt =
    std::function<Result<std::vector<std::byte>>(std::uint64_t offset, std::size_t size)>;

// The file may be hostile: no more than 256 KiB are asked for.
// Errors: kBadInput when it is not a well-formed ELF file of this machine's byte order; errors of
// `read`.
Result<ElfFacts> read_elf_facts(const ReadAt& read);

// The content of the named section of a 64-bit file; empty when it has none, or none within `limit`
// bytes. Errors: kBadInput when the section table is malformed; errors of `read`.
Result<std::vector<std::byte>> read_elf_section(const ReadAt& read, std::string_view name,
                                                std::size_t limit);

// Whether `name` can be the name of a library file: 1 to 255 printable bytes without '/', not "."
// or "..".
bool usable_soname(std::string_view name);

// EM_X86_64 or EM_AARCH64: the machine this program was built for.
std::uint16_t native_machine();

}  // namespace gpuhook::formats
