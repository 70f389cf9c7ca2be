// SPDX-License-Identifier: Apache-2.0
// What each command does, given its parsed options. Output goes to standard output, an error is
// returned.
#pragma once

#include <optional>
#include <string>

#include "planning.h"
#include "settings.h"

namespace gpuhook::hook {

// OCI hook at stage prestart or createRuntime; `state` is the document from standard input.
Status prestart(const std::string& state, const Settings& settings);

struct ConfigureOptions {
  std::int64_t pid = 0;
  std::string rootfs;
  RequestOptions request;
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

// `hook_path` empty: the path of this very program.
Status edit_registration(const std::string& bundle, const std::string& hook_path, bool remove);

}  // namespace gpuhook::hook
