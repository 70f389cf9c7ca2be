// SPDX-License-Identifier: Apache-2.0
// What the commands that plan something have in common.
#pragma once

#include <string>
#include <vector>

#include "gpuhook/gpuhook.h"

namespace gpuhook::hook {

// A request as the options of a command line.
struct RequestOptions {
  std::vector<std::string> devices;       // comma lists
  std::vector<std::string> capabilities;  // comma lists
  std::vector<std::string> requirements;
  std::vector<std::string> imex_channels;  // comma lists
  std::string mig_config;                  // "all" or nothing
  std::string mig_monitor;
};
Result<Request> request_of(const RequestOptions& options, const Config& config);

// A path of the command line; a relative one begins at the current directory.
Result<HostPath> path_argument(const std::string& text);

// Refuses a container without a mount namespace of its own. A joined one outlives this container's
// start, and with it whatever a failed injection left.
Status check_namespaces(const ContainerSpec& spec);

// Says once, on standard error, what was asked for and is not given.
void warn(const std::vector<Note>& notes);

// The host as far as this request needs to know it: asks the driver's library only where it must.
Result<Inventory> inventory_for(const Request& request, const Config& config);

}  // namespace gpuhook::hook
