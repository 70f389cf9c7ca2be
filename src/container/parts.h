// SPDX-License-Identifier: Apache-2.0
// What a Target holds on to.
#pragma once

#include <optional>

#include "base/unique_fd.h"
#include "gpuhook/gpuhook.h"
#include "sys/process.h"
#include "sys/rooted_dir.h"

namespace gpuhook {

struct Target::Parts {
  std::optional<sys::Process> process;  // none for a directory without a container
  sys::RootedDir rootfs;                // in the container's mount namespace
  std::uint64_t rootfs_mount_id = 0;
  std::uint32_t root_uid = 0;  // whom the container's root is, seen from here
  std::uint32_t root_gid = 0;
};

}  // namespace gpuhook
