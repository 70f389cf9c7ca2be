// SPDX-License-Identifier: Apache-2.0
// Rules of the container's device cgroup.
#include "apply/device_rules.h"

#include <bit>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "formats/device_bpf.h"

namespace gpuhook::apply {
namespace {

using formats::BpfInstruction;

struct Replacement {
  UniqueFd old_program;
  UniqueFd new_program;
};

// Nothing when the program allows the devices already.
Result<std::optional<Replacement>> prepare(sys::Kernel& kernel, std::uint32_t id,
                                           std::span<const DeviceNumber> devices) {
  UniqueFd old_program = TRY(kernel.bpf_prog_get_fd_by_id(id));
  std::vector<BpfInstruction> text;
  for (const sys::Instruction& instruction : TRY(kernel.bpf_prog_instructions(old_program.get()))) {
    text.push_back(std::bit_cast<BpfInstruction>(instruction.raw));
  }
  const std::vector<BpfInstruction> longer = TRY(formats::with_allowed(text, devices));
  if (longer == text) return std::optional<Replacement>();
  std::vector<sys::Instruction> raw;
  for (const BpfInstruction& instruction : longer)
    raw.push_back({std::bit_cast<std::uint64_t>(instruction)});
  UniqueFd new_program = TRY(kernel.bpf_prog_load(raw));
  return std::optional<Replacement>(
      {.old_program = std::move(old_program), .new_program = std::move(new_program)});
}

}  // namespace

Result<OutcomeKind> allow_devices(sys::Kernel& kernel, const container::DeviceGroupV1& group,
                                  std::span<const DeviceNumber> devices) {
  const UniqueFd file =
      TRY(kernel.openat2(group.directory.get(), "devices.allow",
                         {.open = sys::Open::kWrite, .resolve = sys::Resolve::kSameMount}));
  for (const DeviceNumber& device : devices) {
    const std::string rule = concat("c ", device.major, ":", device.minor, " rw");
    TRY(doing(concat("allowing ", in_quotes(rule)),
              kernel.write(file.get(), std::as_bytes(std::span(rule)))));
  }
  return OutcomeKind::kDone;
}

Result<OutcomeKind> allow_devices(sys::Kernel& kernel, const container::DeviceGroupV2& group,
                                  std::span<const DeviceNumber> devices) {
  const sys::AttachedPrograms attached = TRY(kernel.bpf_prog_query(group.directory.get()));
  std::vector<Replacement> replacements;
  for (const std::uint32_t id : attached.ids) {
    std::optional<Replacement> replacement = TRY(prepare(kernel, id, devices));
    if (replacement) replacements.push_back(std::move(*replacement));
  }
  for (const Replacement& replacement : replacements) {
    TRY(kernel.bpf_prog_replace(group.directory.get(), replacement.new_program.get(),
                                replacement.old_program.get(), attached.flags));
  }
  return replacements.empty() ? OutcomeKind::kAlready : OutcomeKind::kDone;
}

}  // namespace gpuhook::apply
