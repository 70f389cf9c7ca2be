// SPDX-License-Identifier: Apache-2.0
// What the helper takes from itself before it loads the driver's library.
#pragma once

#include <sys/types.h>

#include <string>

namespace gpuhook::nvml {

// Limits, another user ("user" or "user:group"; empty, and in the place of root: the overflow ids
// 65534), no capabilities, no new privileges, an end with the process `parent`, and an allowlist of
// system calls: no program can be started, no file created or cut off, no mount, socket or
// namespace made. Afterwards the process can open and ioctl devices, read files and answer on its
// standard output.
//
// Returns why a step failed, and then nothing may be loaded; empty when all are taken. In a user
// namespace that maps no other id the process keeps the one it has.
std::string confine(const std::string& user, pid_t parent);

}  // namespace gpuhook::nvml
