// SPDX-License-Identifier: Apache-2.0
// An interpreter for the instructions that device programs are made of (linux/bpf.h).
#include "support/bpf_machine.h"

#include <linux/bpf.h>

#include <array>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/text.h"
#include "support/captured.h"

namespace gpuhook::testing {
namespace {

using formats::BpfInstruction;

constexpr std::size_t kRegisters = 11;
constexpr std::uint64_t kContextAddress = 0x1000;

class Machine {
 public:
  Machine(std::span<const BpfInstruction> program, const DeviceAccess& access) : program_(program) {
    const std::array<std::uint32_t, 3> words{access.access << 16U | access.type,
                                             access.number.major, access.number.minor};
    std::memcpy(context_.data(), words.data(), context_.size());
    registers_[1] = kContextAddress;
  }

  // Backward jumps are an error, so this ends.
  std::uint64_t run() {
    for (std::size_t at = 0;;) {
      if (at >= program_.size()) reject("leaves the program");
      const BpfInstruction& instruction = program_[at];
      if (instruction.code == (BPF_JMP | BPF_EXIT)) return read(0);
      at = at + 1 + static_cast<std::size_t>(step(instruction));
    }
  }

 private:
  [[noreturn]] static void reject(std::string_view why) {
    throw std::runtime_error(concat("program is not valid: ", why));
  }

  static std::size_t destination(const BpfInstruction& instruction) {
    return instruction.registers & 0xfU;
  }

  [[nodiscard]] std::uint64_t read(std::size_t index) const {
    if (index >= kRegisters || !registers_.at(index)) reject(concat("reads register ", index));
    return *registers_.at(index);
  }

  [[nodiscard]] std::uint64_t operand(const BpfInstruction& instruction) const {
    if ((instruction.code & BPF_X) != 0) return read(instruction.registers >> 4U);
    return static_cast<std::uint64_t>(std::int64_t{instruction.immediate});
  }

  // How many instructions to skip.
  int step(const BpfInstruction& instruction) {
    switch (BPF_CLASS(instruction.code)) {
      case BPF_LDX:
        load(instruction);
        return 0;
      case BPF_ALU:
      case BPF_ALU64:
        calculate(instruction);
        return 0;
      case BPF_JMP:
      case BPF_JMP32:
        return jump(instruction);
      default:
        reject(concat("instruction ", instruction.code));
    }
  }

  void load(const BpfInstruction& instruction) {
    const bool word = instruction.code == (BPF_LDX | BPF_MEM | BPF_W);
    const bool context = read(instruction.registers >> 4U) == kContextAddress;
    const bool inside = instruction.offset >= 0 && instruction.offset % 4 == 0 &&
                        instruction.offset + 4 <= static_cast<int>(context_.size());
    if (!word || !context || !inside) reject("loads from elsewhere");
    std::uint32_t value = 0;
    std::memcpy(&value, context_.data() + instruction.offset, sizeof value);
    registers_.at(destination(instruction)) = value;
  }

  void calculate(const BpfInstruction& instruction) {
    const bool wide = BPF_CLASS(instruction.code) == BPF_ALU64;
    const std::uint64_t right =
        wide ? operand(instruction) : static_cast<std::uint32_t>(operand(instruction));
    std::uint64_t value = right;
    if (BPF_OP(instruction.code) != BPF_MOV) {
      const std::uint64_t left = wide ? read(destination(instruction))
                                      : static_cast<std::uint32_t>(read(destination(instruction)));
      switch (BPF_OP(instruction.code)) {
        case BPF_AND:
          value = left & right;
          break;
        case BPF_OR:
          value = left | right;
          break;
        case BPF_RSH:
          value = left >> right;
          break;
        default:
          reject(concat("calculation ", instruction.code));
      }
    }
    registers_.at(destination(instruction)) = wide ? value : static_cast<std::uint32_t>(value);
  }

  int jump(const BpfInstruction& instruction) {
    const bool wide = BPF_CLASS(instruction.code) == BPF_JMP;
    if (instruction.offset < 0) reject("jumps back");
    if (BPF_OP(instruction.code) == BPF_JA) return instruction.offset;
    std::uint64_t left = read(destination(instruction));
    std::uint64_t right = operand(instruction);
    if (!wide) left = static_cast<std::uint32_t>(left);
    if (!wide) right = static_cast<std::uint32_t>(right);
    switch (BPF_OP(instruction.code)) {
      case BPF_JEQ:
        return left == right ? instruction.offset : 0;
      case BPF_JNE:
        return left != right ? instruction.offset : 0;
      case BPF_JLT:
        return left < right ? instruction.offset : 0;
      case BPF_JGT:
        return left > right ? instruction.offset : 0;
      case BPF_JSET:
        return (left & right) != 0 ? instruction.offset : 0;
      default:
        reject(concat("jump ", instruction.code));
    }
  }

  std::span<const BpfInstruction> program_;
  std::array<std::byte, 12> context_{};
  std::array<std::optional<std::uint64_t>, kRegisters> registers_{};
};

}  // namespace

bool allows(std::span<const BpfInstruction> program, const DeviceAccess& access) {
  return Machine(program, access).run() != 0;
}

std::vector<BpfInstruction> captured_program(std::string_view file) {
  std::vector<BpfInstruction> program;
  const std::string text = captured(concat("cgroup2-device-programs/", file));
  for (const std::string_view line : lines(text)) {
    if (line.starts_with('#')) continue;
    const std::vector<std::string_view> fields = words(line);
    if (fields.size() != 6 || number<std::size_t>(fields[0]) != program.size())
      throw std::runtime_error(concat("line of another form: ", line));
    const auto integer = [](std::string_view field) {
      return std::stol(std::string(field), nullptr, 0);
    };
    program.push_back(
        {.code = static_cast<std::uint8_t>(integer(fields[1])),
         .registers = static_cast<std::uint8_t>(integer(fields[2]) | integer(fields[3]) << 4),
         .offset = static_cast<std::int16_t>(integer(fields[4])),
         .immediate = static_cast<std::int32_t>(integer(fields[5]))});
  }
  return program;
}

}  // namespace gpuhook::testing
