// SPDX-License-Identifier: Apache-2.0
// What gpu-hook's exit status says.
#pragma once

namespace gpuhook::hook {

enum class ExitCode : int {
  kOk = 0,      // done, or nothing was asked for
  kFailed = 1,  // refused or failed; one line on standard error says why
  kUsage = 2,   // the command line is wrong
};

}  // namespace gpuhook::hook
