// SPDX-License-Identifier: Apache-2.0
// gpu-hook-runtime: a container runtime that edits the specification of a new container and then
// becomes runc or crun.
#pragma once

#include "exit_codes.h"

namespace gpuhook::hook {

// Whether the program was called by a name of the runtime.
bool is_runtime_name(const char* program);

// Does not return when all is well. The process that becomes the runtime is left as it was:
// environment, descriptors, limits, signals, current directory.
ExitCode run_runtime(int argc, char** argv);

}  // namespace gpuhook::hook
