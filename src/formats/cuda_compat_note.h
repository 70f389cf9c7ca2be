// SPDX-License-Identifier: Apache-2.0
// What a CUDA driver library says about the kernel modules it works with: the ELF section
// ".note.cuda.fwd_compatibility" of libcuda since CUDA 12.5.
//
//   u32 name size   u32 description size   u32 type
//   "NVIDIA Corporation", NUL, padded to four bytes
//   description: JSON such as {"format": 1, "CUDA version": "13.0", "driver": [535, 550], ...}
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/elf_facts.h"

namespace gpuhook::formats {

inline constexpr std::string_view kCudaCompatSection = ".note.cuda.fwd_compatibility";

// The major versions of the kernel modules that a note names, as numbers or texts of digits.
// Errors: kBadInput when the bytes, which may be hostile, are no such note.
Result<std::vector<std::uint32_t>> parse_cuda_compat_note(std::span<const std::byte> note);

}  // namespace gpuhook::formats
