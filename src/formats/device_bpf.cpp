// SPDX-License-Identifier: Apache-2.0
// Builds device programs from values. The opcodes are spelled out in linux/bpf_common.h and
// linux/bpf.h.
#include "formats/device_bpf.h"

#include <linux/bpf.h>

#include <algorithm>
#include <cstddef>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::formats {
namespace {

constexpr std::size_t kMaxInstructions = 4096;

enum Register : std::uint8_t { kR0 = 0, kR1 = 1, kR2 = 2, kR3 = 3, kR4 = 4, kR5 = 5 };

constexpr std::uint8_t registers(Register destination, Register source = kR0) {
  return static_cast<std::uint8_t>(destination | (source << 4U));
}

constexpr BpfInstruction load_context(Register destination, std::size_t offset) {
  return {.code = BPF_LDX | BPF_MEM | BPF_W,
          .registers = registers(destination, kR1),
          .offset = static_cast<std::int16_t>(offset)};
}
constexpr BpfInstruction move(Register destination, Register source) {
  return {.code = BPF_ALU64 | BPF_MOV | BPF_X, .registers = registers(destination, source)};
}
constexpr BpfInstruction constant(Register destination, std::int32_t value) {
  return {
      .code = BPF_ALU64 | BPF_MOV | BPF_K, .registers = registers(destination), .immediate = value};
}
constexpr BpfInstruction bit_and(Register destination, std::int32_t mask) {
  return {
      .code = BPF_ALU64 | BPF_AND | BPF_K, .registers = registers(destination), .immediate = mask};
}
constexpr BpfInstruction shift_right(Register destination, std::int32_t bits) {
  return {
      .code = BPF_ALU64 | BPF_RSH | BPF_K, .registers = registers(destination), .immediate = bits};
}
// Compares 32 bits: a 64-bit compare would sign-extend the constant, and minors above 2^31 exist in
// principle.
constexpr BpfInstruction skip_unless_equal(Register left, std::uint32_t value,
                                           std::size_t skipped) {
  return {.code = BPF_JMP32 | BPF_JNE | BPF_K,
          .registers = registers(left),
          .offset = static_cast<std::int16_t>(skipped),
          .immediate = static_cast<std::int32_t>(value)};
}
constexpr BpfInstruction kExit{.code = BPF_JMP | BPF_EXIT};

constexpr std::size_t kPerDevice = 4;

bool self_contained(const BpfInstruction& instruction) {
  const bool call = instruction.code == (BPF_JMP | BPF_CALL);
  const bool wide_immediate = instruction.code == (BPF_LD | BPF_IMM | BPF_DW);
  return !call && !wide_immediate;
}

}  // namespace

std::vector<BpfInstruction> allow_prefix(std::span<const DeviceNumber> devices) {
  if (devices.empty()) return {};
  const std::size_t rules = devices.size() * kPerDevice;
  std::vector<BpfInstruction> code{
      load_context(kR2, offsetof(bpf_cgroup_dev_ctx, access_type)),
      load_context(kR3, offsetof(bpf_cgroup_dev_ctx, major)),
      load_context(kR4, offsetof(bpf_cgroup_dev_ctx, minor)),
      move(kR5, kR2),
      bit_and(kR5, 0xffff),
      skip_unless_equal(kR5, BPF_DEVCG_DEV_CHAR, 3 + rules),
      shift_right(kR2, 16),
      bit_and(kR2, BPF_DEVCG_ACC_MKNOD),
      skip_unless_equal(kR2, 0, rules),
  };
  for (const DeviceNumber& device : devices) {
    code.push_back(skip_unless_equal(kR3, device.major, 3));
    code.push_back(skip_unless_equal(kR4, device.minor, 2));
    code.push_back(constant(kR0, 1));
    code.push_back(kExit);
  }
  return code;
}

Result<std::vector<BpfInstruction>> with_allowed(std::span<const BpfInstruction> program,
                                                 std::span<const DeviceNumber> devices) {
  if (!std::all_of(program.begin(), program.end(), self_contained)) {
    return fail(ErrorKind::kRefused,
                "the device program attached to the container's cgroup calls helpers or uses maps",
                "put the devices into the container's OCI spec instead, or use --no-cgroups");
  }
  std::vector<BpfInstruction> code = allow_prefix(devices);
  const bool present =
      code.size() <= program.size() && std::equal(code.begin(), code.end(), program.begin());
  if (present) return std::vector<BpfInstruction>(program.begin(), program.end());
  if (code.size() + program.size() > kMaxInstructions) {
    return fail(ErrorKind::kRefused,
                "the container's device program would grow beyond 4096 instructions");
  }
  code.insert(code.end(), program.begin(), program.end());
  return code;
}

}  // namespace gpuhook::formats
