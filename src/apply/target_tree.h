// SPDX-License-Identifier: Apache-2.0
// The container's directories and files as targets: opened beneath its root, created where missing,
// refused where unsafe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/undo_stack.h"
#include "base/unique_fd.h"
#include "gpuhook/values.h"
#include "sys/kernel.h"

namespace gpuhook::apply {

// Something found under a name, without following it.
struct Found {
  UniqueFd fd;  // O_PATH
  sys::FileStatus status;
};

class TargetTree {
 public:
  // `mark` makes the names of temporary entries: unique among the runs that may work in the same
  // root file system. `host_file_systems` are those mounted on the host.
  TargetTree(sys::Kernel& kernel, int rootfs, std::uint64_t rootfs_mount_id,
             std::set<DeviceNumber> host_file_systems, std::string mark)
      : kernel_(kernel),
        rootfs_(rootfs),
        rootfs_mount_id_(rootfs_mount_id),
        host_file_systems_(std::move(host_file_systems)),
        mark_(std::move(mark)) {}

  // The directory at `path`, links followed inside the root, missing components created with mode
  // 0755. The descriptor belongs to the tree and stays valid as long as it.
  Result<int> directory(const ContainerPath& path, UndoStack& undo);

  // Whether entries of an opened directory may be made, changed or mounted on: on the root file
  // system itself, and in memory that the runtime gave this container (/dev). Volumes belong to
  // the host or to other containers, also those that are a tmpfs.
  //
  // Errors: kRefused, naming the directory.
  Status check_place(int directory) const;

  // Whether every directory opened so far is still what its path leads to.
  // Errors: kRefused for one that was moved or exchanged: what was made in it may lie elsewhere
  // now.
  Status check_unmoved();

  // The existing directory at `path`; nothing when there is none. No link is followed and nothing
  // is created.
  Result<std::optional<Found>> existing_directory(const ContainerPath& path);

  // What `name` in `directory` is; nothing when there is no such entry.
  Result<std::optional<Found>> look(int directory, const std::string& name);

  // A new file with the given content; an existing entry of that name is an error. Undone only
  // while still the same inode.
  Result<Found> create_file(int directory, const std::string& name, std::uint32_t mode,
                            std::string_view content, UndoStack& undo);

  // What `name` is, or a new file in its place. Another start from the same image may come in
  // between; what it makes serves this one as well.
  Result<Found> find_or_create_file(int directory, const std::string& name, std::uint32_t mode,
                                    std::string_view content, UndoStack& undo);

  // What `name` is, or a new directory of mode 0755 in its place. Unlike directory(), for one that
  // gets a mount itself.
  Result<Found> find_or_create_directory(int directory, const std::string& name, UndoStack& undo);

  // A new file in the place of a symbolic link, which undoing brings back.
  Result<Found> replace_link(int directory, const std::string& name, std::uint32_t mode,
                             std::string_view content, UndoStack& undo);

  // A symbolic link, replacing a symbolic link of that name.
  Status put_link(int directory, const std::string& name, const std::string& text, UndoStack& undo);

  // The name for a temporary entry beside `name`, free to use: a leftover of a killed run is
  // removed.
  std::string temporary(int directory, const std::string& name);

 private:
  Result<UniqueFd> open_or_create(const ContainerPath& path, UndoStack& undo);
  Result<bool> is_own_place(int fd, const sys::FileStatus& status);

  sys::Kernel& kernel_;
  int rootfs_;
  std::uint64_t rootfs_mount_id_;
  std::set<DeviceNumber> host_file_systems_;
  std::string mark_;

  struct Directory {
    UniqueFd fd;
    bool own_place = false;
  };
  std::map<ContainerPath, Directory> directories_;
};

}  // namespace gpuhook::apply
