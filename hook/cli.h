// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include "exit_codes.h"

namespace gpuhook::hook {

// Parses the arguments and runs the command they name. `argv` as main gets it.
ExitCode run(int argc, const char* const* argv);

}  // namespace gpuhook::hook
