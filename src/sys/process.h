// SPDX-License-Identifier: Apache-2.0
// Another process, held so that its number cannot be given to somebody else behind our back.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/unique_fd.h"
#include "gpuhook/result.h"

namespace gpuhook::sys {

struct Process {
  std::int64_t pid = 0;
  UniqueFd pidfd;
  UniqueFd proc;  // its directory in /proc
};

// Errors: kNotFound when there is no such process (any more).
Result<Process> open_process(std::int64_t pid);

// Whether the process still runs: as long as it does, what was opened below `proc` belongs to it.
bool is_alive(const Process& process);

// Whether a process is in this process' own namespace of a kind, "mnt" or "user".
Result<bool> shares_our_namespace(const Process& process, std::string_view kind);

// Whether the process numbered `pid` is in the mount namespace of `process`. Errors: kNotFound when
// it has ended.
Result<bool> share_mount_namespace(const Process& process, std::uint32_t pid);

}  // namespace gpuhook::sys
