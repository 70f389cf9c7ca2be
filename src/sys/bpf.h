// SPDX-License-Identifier: Apache-2.0
// bpf(2), as far as device programs of cgroups need it.
#pragma once

#include "sys/kernel.h"

namespace gpuhook::sys::bpf {

Result<AttachedPrograms> query(int cgroup);
Result<UniqueFd> program_by_id(std::uint32_t id);
Result<std::vector<Instruction>> instructions(int program);
Result<UniqueFd> load(std::span<const Instruction> program);
Status replace(int cgroup, int program, int replaced, std::uint32_t flags);

}  // namespace gpuhook::sys::bpf
