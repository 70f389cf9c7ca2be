// SPDX-License-Identifier: Apache-2.0
// `gpu-hook setup`: wires the runtime or the hook into a container engine.
#pragma once

#include <string>

#include "gpuhook/engines.h"

namespace gpuhook::hook {

struct SetupOptions {
  std::string engine;
  std::string file;     // --config; empty: the engine's usual place
  std::string runtime;  // --runtime; empty: gpu-hook-runtime beside this program
  bool set_default = false;
  bool cdi = false;
  bool hook_file = false;
  bool remove = false;
  bool dry_run = false;
};

// Prints what changes as a diff, and what has to be restarted for it; restarts nothing.
Status setup_engine(const SetupOptions& options);

}  // namespace gpuhook::hook
