// SPDX-License-Identifier: Apache-2.0
// Carries out the ops of a plan in one container.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "apply/loader_cache.h"
#include "apply/stage.h"
#include "apply/target_tree.h"
#include "gpuhook/report.h"

namespace gpuhook::apply {

// A staged mount and the place it goes to.
struct Attachment {
  std::size_t op = 0;
  UniqueFd mount;   // detached
  UniqueFd target;  // O_PATH, in the container's mount namespace
  sys::FileStatus target_status;
  int directory = -1;  // where the target can be looked up again
  std::string name;
};

// The descriptors that one run starts from.
struct Roots {
  int driver = -1;
  int device = -1;
  int rootfs = -1;
  std::uint64_t rootfs_mount_id = 0;
  std::set<DeviceNumber> host_file_systems;  // mounted on the host
  std::set<std::uint64_t> private_mounts;    // ids of the container's mounts without peers
  std::string mark;                          // of temporary names, see TargetTree
};

class Executor {
 public:
  Executor(sys::Kernel& kernel, const Roots& roots)
      : kernel_(kernel),
        roots_(roots),
        tree_(kernel, roots.rootfs, roots.rootfs_mount_id, roots.host_file_systems, roots.mark) {}

  // Opens sources and targets, creates what is missing, stages. All lookups happen here; nothing is
  // mounted. An optional op that fails leaves no trace and becomes a skipped outcome.
  Result<Outcome> prepare(std::size_t index, const PlannedOp& op);

  // Mounts everything prepared. The caller must be in the container's mount namespace.
  Status attach();
  // Takes the mounts away again, newest first; from inside the container's mount namespace, too.
  void detach();
  // Checks that each target now shows its source.
  Status verify();
  // Makes the last changes that need no mount and keeps everything. Until then destruction or
  // roll_back() undoes it.
  Status finish();
  void roll_back() { undo_.roll_back(); }

  [[nodiscard]] const std::vector<Attachment>& attachments() const { return attachments_; }

 private:
  Result<Outcome> prepare_op(const AllowDevice& op, UndoStack& undo);
  Result<Outcome> prepare_op(const BindFile& op, UndoStack& undo);
  Result<Outcome> prepare_op(const BindDevice& op, UndoStack& undo);
  Result<Outcome> prepare_op(const BindSocket& op, UndoStack& undo);
  Result<Outcome> prepare_op(const BindDirectory& op, UndoStack& undo);
  Result<Outcome> prepare_op(const MakeLink& op, UndoStack& undo);
  Result<Outcome> prepare_op(const MaskedTree& op, UndoStack& undo);
  Result<Outcome> prepare_op(const UpdateLoaderCache& op, UndoStack& undo);

  struct Place;
  Result<Outcome> bind(Place place, const Source& source, const sys::MountAttributes& attributes);
  Result<Place> directory_place(const ContainerPath& target, UndoStack& undo);
  Result<Outcome> mask(const MaskedTree& op, Place place);
  Result<Place> file_place(const ContainerPath& target, std::string_view stub, UndoStack& undo);
  Status check_private(const sys::FileStatus& target, std::string_view name) const;
  Result<bool> same_tree(const Found& directory, const MaskedTree& op);

  sys::Kernel& kernel_;
  Roots roots_;
  TargetTree tree_;  // outlives undo_, whose steps use its descriptors
  UndoStack undo_;
  std::size_t current_ = 0;
  std::size_t attached_ = 0;  // how many of attachments_ are mounted
  std::vector<Attachment> attachments_;
  // Directory entries that get a mount, by the directory's inode: two paths of the plan may lead to
  // one entry.
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::string>> claimed_;
  std::optional<PendingCache> cache_;
};

}  // namespace gpuhook::apply
