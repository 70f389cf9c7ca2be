// SPDX-License-Identifier: Apache-2.0
// Runs device programs as the kernel would, to see what they decide.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "formats/device_bpf.h"

namespace gpuhook::testing {

// What a device program is asked: struct bpf_cgroup_dev_ctx.
struct DeviceAccess {
  std::uint32_t type = 2;    // 1 block, 2 character
  std::uint32_t access = 0;  // 1 mknod, 2 read, 4 write
  DeviceNumber number;
};

// Whether the program returns something other than 0. Throws for what the kernel's verifier would
// refuse: unknown instructions, jumps out of the program, reads of registers never written.
bool allows(std::span<const formats::BpfInstruction> program, const DeviceAccess& access);

// A program as tests/data/cgroup2-device-programs holds it.
std::vector<formats::BpfInstruction> captured_program(std::string_view file);

}  // namespace gpuhook::testing
