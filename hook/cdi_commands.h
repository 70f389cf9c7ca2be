// SPDX-License-Identifier: Apache-2.0
// What `gpu-hook cdi ...` does.
#pragma once

#include <string>
#include <vector>

#include "settings.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gpuhook::hook {

struct CdiOptions {
  std::string file;                       // of the specification; empty: see each command
  std::vector<std::string> capabilities;  // comma lists; empty: all
  std::string format;                     // json, yaml; empty: by the file's name
  std::string name_by;                    // index, uuid, both; empty: both
  std::string libraries;                  // multiarch, lib64; empty: as the host has its own
  std::vector<std::string> spec_dirs;     // empty: /etc/cdi and /run/cdi
  bool quiet = false;                     // refresh: say only what was changed
};

// Writes the specification of this host, to standard output without a file.
Status cdi_generate(const CdiOptions& options, const Settings& settings);
// Full names of the devices in specification files, one a line. Fails when a file breaks a rule.
Status cdi_list(const CdiOptions& options);
// Compares gpu-hook's files, or the one named, with the host. Prints each difference, and fails if
// there is one.
Status cdi_verify(const CdiOptions& options, const Settings& settings);
// Rewrites those of gpu-hook's files that differ; makes one where there is none.
Status cdi_refresh(const CdiOptions& options, const Settings& settings);

}  // namespace gpuhook::hook
