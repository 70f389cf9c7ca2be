// SPDX-License-Identifier: Apache-2.0
// The program text that decides about devices in a cgroup of version 2
// (BPF_PROG_TYPE_CGROUP_DEVICE), as values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gpuhook/values.h"

namespace gpuhook::formats {

// One instruction in the kernel's layout: u8 code, u4 destination, u4 source, s16 offset, s32
// immediate.
struct BpfInstruction {
  std::uint8_t code = 0;
  std::uint8_t registers = 0;  // destination in the low half, source in the high half
  std::int16_t offset = 0;
  std::int32_t immediate = 0;
  bool operator==(const BpfInstruction&) const = default;
};
static_assert(sizeof(BpfInstruction) == 8);

// Instructions that return "allowed" for reading and writing one of `devices` and fall through
// otherwise, register 1 and the access being untouched:
//
//   r2 = u32 [r1+0]      access_type: kind in the low half, access bits in the high half
//   r3 = u32 [r1+4]      major
//   r4 = u32 [r1+8]      minor
//   r5 = r2; r5 &= 0xffff;       if r5 != CHAR goto end
//   r2 >>= 16; r2 &= MKNOD;      if r2 != 0 goto end
//   for each device:     if r3 != MAJOR goto +3; if r4 != MINOR goto +2; r0 = 1; exit
std::vector<BpfInstruction> allow_prefix(std::span<const DeviceNumber> devices);

// `program` with the prefix in front. A program that begins with exactly this prefix is returned
// unchanged.
//
// Errors: kRefused for a program whose text alone does not carry its meaning (helper calls, 64-bit
// immediates that may be map addresses), or that would exceed the kernel's limit for unprivileged
// size, 4096 instructions.
Result<std::vector<BpfInstruction>> with_allowed(std::span<const BpfInstruction> program,
                                                 std::span<const DeviceNumber> devices);

}  // namespace gpuhook::formats
