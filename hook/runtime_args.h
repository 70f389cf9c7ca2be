// SPDX-License-Identifier: Apache-2.0
// The command line of a low-level container runtime (runc, crun, and who speaks like them), as far
// as it tells whether a container is made, and from what.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gpuhook::hook {

struct RuntimeArguments {
  bool makes_container = false;  // create or run
  std::string bundle;            // as spelled; empty: the current directory
  std::string spec_file;         // crun's --config; empty: config.json of the bundle
  std::string log;               // --log; empty: none
  bool log_json = false;         // --log-format json
  bool operator==(const RuntimeArguments&) const = default;
};

// `arguments` without the program's name. Never an error: what nobody understands is for the
// runtime to refuse.
RuntimeArguments parse_runtime_arguments(std::span<const std::string_view> arguments);

}  // namespace gpuhook::hook
