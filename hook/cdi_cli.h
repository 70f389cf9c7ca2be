// SPDX-License-Identifier: Apache-2.0
// The command line of `gpu-hook cdi`.
#pragma once

#include <functional>

#include "cdi_commands.h"

namespace gpuhook::hook {

using Action = std::function<Status(const Settings&)>;

void add_cdi(CLI::App& app, CdiOptions& options, Action& action);

}  // namespace gpuhook::hook
