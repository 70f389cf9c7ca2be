// SPDX-License-Identifier: Apache-2.0
// The configuration of one run: the administrator's file, and what the command line says over it.
#pragma once

#include <optional>
#include <string>

#include "gpuhook/gpuhook.h"

namespace gpuhook::hook {

struct Settings {
  std::optional<HostPath> file;  // --config; unset: the usual places
  std::optional<HostPath> driver_root;
  std::optional<HostPath> device_root;
  OmissionSet leave_out;  // added to the file's
  bool no_cgroups = false;
  bool no_cuda_compat = false;
};

// Errors: as load_config.
Result<LoadedConfig> load(const Settings& settings);

// The path of this very program; empty when the kernel does not tell.
std::string own_path();

}  // namespace gpuhook::hook
