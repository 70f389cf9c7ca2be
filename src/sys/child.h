// SPDX-License-Identifier: Apache-2.0
// The only way in which the library starts a process.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "gpuhook/values.h"

namespace gpuhook::sys {

struct ChildLimits {
  std::chrono::milliseconds deadline{};
  std::size_t answer_bytes = 0;
};

// Starts `program` with an empty environment and no argument, sends it the question over a socket
// that is its standard input and output, and reads its answer to the end. Its standard error goes
// nowhere, and it has no terminal. After the deadline it is killed; one that does not end at once,
// since it waits inside of a driver, ends when the driver lets it and is left to the init process.
//
// Errors: kNotFound (no such program), kUnsupported (deadline passed, ended by a signal, exit
// status other than 0, answer too large), kSystem.
Result<std::vector<std::byte>> ask_program(const HostPath& program,
                                           std::span<const std::byte> question,
                                           const ChildLimits& limits);

}  // namespace gpuhook::sys
