// SPDX-License-Identifier: Apache-2.0
// Whose files we touch, and with which capabilities.
#pragma once

#include <cstdint>

#include "gpuhook/result.h"

namespace gpuhook::sys {

// Switches the ids that file accesses and new files get (setfsuid, setfsgid) and puts the effective
// capabilities back, which the kernel takes away together with fsuid 0: a directory of mode 0555
// must stay writable for us. Needs CAP_SETUID and CAP_SETGID unless the ids are the current ones.
Status set_file_identity(std::uint32_t uid, std::uint32_t gid);

// Whether the calling thread has CAP_SYS_ADMIN in its user namespace, without which nothing can be
// mounted.
Result<bool> may_administrate();

// Whether this process lives in the initial user namespace (user_namespaces(7)): only there can
// device cgroups be changed.
Result<bool> in_initial_user_namespace();

// Whether only root, or the user we run as, can have made what belongs to `uid`. Inside a user
// namespace that does not map the host's root, its files show the overflow id 65534.
Result<bool> is_trusted_owner(std::uint32_t uid);

}  // namespace gpuhook::sys
