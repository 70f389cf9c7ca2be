// SPDX-License-Identifier: Apache-2.0
// The program under the name nvidia-container-cli, as containerd's `ctr run --gpus` and others call
// it: their options for our commands.
#pragma once

#include "exit_codes.h"

namespace gpuhook::hook {

bool is_nvidia_cli_name(const char* program);

// Every failure is exit status 1, as callers expect of that program.
ExitCode run_nvidia_cli(int argc, const char* const* argv);

}  // namespace gpuhook::hook
