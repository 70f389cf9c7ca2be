// SPDX-License-Identifier: Apache-2.0
// Sources as detached mounts: made in the host's mount namespace, with their final flags before
// anybody can see them.
#pragma once

#include <span>

#include "base/unique_fd.h"
#include "gpuhook/plan.h"
#include "sys/kernel.h"

namespace gpuhook::apply {

// A source held by descriptor, not yet cloned.
struct Source {
  UniqueFd fd;  // O_PATH
  sys::FileStatus status;
};

// How a kind of source is mounted.
inline constexpr sys::MountAttributes kFileAttributes{.no_exec = false};
inline constexpr sys::MountAttributes kDeviceAttributes{.no_device = false};
// Read-only as well: connecting needs no write access to the mount, and the host's inode keeps its
// mode and owner.
inline constexpr sys::MountAttributes kSocketAttributes{};
inline constexpr sys::MountAttributes kTreeAttributes{};

// Errors: kRefused when the source is of another type, or a device of another number, than planned.
Result<Source> open_source(sys::Kernel& kernel, int root, const HostPath& path, sys::FileType type);
// Follows no link. A directory that containers may write into must be root's: its name lies where
// everybody can make one.
Result<Source> open_directory(sys::Kernel& kernel, int root, const BindDirectory& directory);
Result<Source> open_device(sys::Kernel& kernel, int root, const BindDevice& device);

// A detached clone of the source's mount at the source, with `attributes` and private propagation.
Result<UniqueFd> stage(sys::Kernel& kernel, const Source& source,
                       const sys::MountAttributes& attributes);

// A detached read-only tmpfs holding `files`.
Result<UniqueFd> stage_tree(sys::Kernel& kernel, std::span<const ProcFile> files);

}  // namespace gpuhook::apply
