// SPDX-License-Identifier: Apache-2.0
// What the helper takes from itself before it loads the driver's library.
#pragma once

#include <string>

namespace gpuhook::nvml {

// Limits, another user ("user" or "user:group"; empty: the overflow ids 65534), no capabilities, no
// new privileges, and an allowlist of system calls: no program can be started, no file created or
// cut off, no mount, socket or namespace made. Afterwards the process can open and ioctl devices,
// read files and answer on its standard output.
//
// Returns why a step failed, and then nothing may be loaded; empty when all are taken. Becoming the
// overflow ids may fail where a user namespace has none; the process then stays what it is.
std::string confine(const std::string& user);

}  // namespace gpuhook::nvml
