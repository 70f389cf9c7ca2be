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
constexpr std::size_t kMaxRules = 16384;  // as many as a plan has ops

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
constexpr BpfInstruction skip_if(std::uint8_t comparison, Register left, std::uint32_t value,
                                 std::size_t skipped) {
  return {.code = static_cast<std::uint8_t>(BPF_JMP32 | comparison | BPF_K),
          .registers = registers(left),
          .offset = static_cast<std::int16_t>(skipped),
          .immediate = static_cast<std::int32_t>(value)};
}
constexpr BpfInstruction kExit{.code = BPF_JMP | BPF_EXIT};

// Devices of one major whose minors follow one another.
struct Range {
  std::uint32_t major = 0;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

// Whoever may create MIG devices gets a thousand nodes and more, most of them in one row.
std::vector<Range> ranges_of(std::span<const DeviceNumber> devices) {
  std::vector<Range> ranges;
  for (const DeviceNumber& device : devices) {
    const bool follows = !ranges.empty() && ranges.back().major == device.major &&
                         device.minor != 0 && ranges.back().last == device.minor - 1;
    if (follows) {
      ranges.back().last = device.minor;
    } else {
      ranges.push_back({.major = device.major, .first = device.minor, .last = device.minor});
    }
  }
  return ranges;
}

std::vector<BpfInstruction> rules_for(std::span<const DeviceNumber> devices) {
  std::vector<BpfInstruction> rules;
  for (const Range& range : ranges_of(devices)) {
    if (range.first == range.last) {
      rules.push_back(skip_unless_equal(kR3, range.major, 3));
      rules.push_back(skip_unless_equal(kR4, range.first, 2));
    } else {
      rules.push_back(skip_unless_equal(kR3, range.major, 4));
      rules.push_back(skip_if(BPF_JLT, kR4, range.first, 3));
      rules.push_back(skip_if(BPF_JGT, kR4, range.last, 2));
    }
    rules.push_back(constant(kR0, 1));
    rules.push_back(kExit);
  }
  return rules;
}

bool self_contained(const BpfInstruction& instruction) {
  const bool call = instruction.code == (BPF_JMP | BPF_CALL);
  const bool wide_immediate = instruction.code == (BPF_LD | BPF_IMM | BPF_DW);
  return !call && !wide_immediate;
}

}  // namespace

std::vector<BpfInstruction> allow_prefix(std::span<const DeviceNumber> devices) {
  if (devices.empty()) return {};
  const std::vector<BpfInstruction> rules = rules_for(devices);
  std::vector<BpfInstruction> code{
      load_context(kR2, offsetof(bpf_cgroup_dev_ctx, access_type)),
      load_context(kR3, offsetof(bpf_cgroup_dev_ctx, major)),
      load_context(kR4, offsetof(bpf_cgroup_dev_ctx, minor)),
      move(kR5, kR2),
      bit_and(kR5, 0xffff),
      skip_unless_equal(kR5, BPF_DEVCG_DEV_CHAR, 3 + rules.size()),
      shift_right(kR2, 16),
      bit_and(kR2, BPF_DEVCG_ACC_MKNOD),
      skip_unless_equal(kR2, 0, rules.size()),
  };
  code.insert(code.end(), rules.begin(), rules.end());
  return code;
}

Result<std::vector<BpfInstruction>> with_allowed(std::span<const BpfInstruction> program,
                                                 std::span<const DeviceNumber> devices) {
  if (!std::all_of(program.begin(), program.end(), self_contained)) {
    return fail(ErrorKind::kRefused,
                "the device program attached to the container's cgroup calls helpers or uses maps",
                "put the devices into the container's OCI spec instead, or use --no-cgroups");
  }
  // Jumps over the rules have 16 bits; the limit below keeps them far from that.
  std::vector<BpfInstruction> code =
      allow_prefix(devices.first(std::min(devices.size(), kMaxRules)));
  if (devices.size() > kMaxRules)
    return fail(ErrorKind::kRefused, concat("more than ", kMaxRules, " device rules"));
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
