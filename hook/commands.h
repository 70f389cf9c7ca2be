// SPDX-License-Identifier: Apache-2.0
// What each command does, given its parsed options. Output goes to standard output, an error is
// returned.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "settings.h"

namespace gpuhook::hook {

// OCI hook at stage prestart or createRuntime; `state` is the document from standard input.
Status prestart(const std::string& state, const Settings& settings);

struct ConfigureOptions {
  std::int64_t pid = 0;
  std::string rootfs;
  std::vector<std::string> devices;       // comma lists
  std::vector<std::string> capabilities;  // comma lists
  std::vector<std::string> requirements;
  std::vector<std::string> imex_channels;  // comma lists
  std::string mig_config;                  // "all" or nothing
  std::string mig_monitor;
  bool dry_run = false;
};
Status configure(const ConfigureOptions& options, const Settings& settings);

enum class PlanFormat { kText, kExplain, kJson };
Status plan(const std::string& bundle, PlanFormat format, const Settings& settings);

enum class InfoFormat { kText, kJson, kCsv };
Status info(InfoFormat format, const Settings& settings);
Status list(const Settings& settings);
// The configuration in force, as a file that would give the same one.
Status show_config(const Settings& settings);

// A path from the command line; a relative one begins at the current directory.
Result<HostPath> path_argument(const std::string& text);

// `hook_path` empty: the path of this very program.
Status edit_registration(const std::string& bundle, const std::string& hook_path, bool remove);

}  // namespace gpuhook::hook
