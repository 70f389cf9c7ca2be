// SPDX-License-Identifier: Apache-2.0
// One function for each op kind. README.md, "How a plan is applied", tells the order of the phases.
#include "apply/executor.h"

#include <algorithm>

#include "apply/stubs.h"
#include "base/text.h"
#include "base/try.h"

namespace gpuhook::apply {
namespace {

using sys::FileStatus;
using sys::FileType;

constexpr std::string_view kNodeStub;  // /dev lives in memory and goes with the container

Outcome done() { return {.kind = OutcomeKind::kDone}; }
Outcome already() { return {.kind = OutcomeKind::kAlready}; }

std::string_view name_of(FileType type) {
  switch (type) {
    case FileType::kRegular:
      return "a regular file";
    case FileType::kDirectory:
      return "a directory";
    case FileType::kSymlink:
      return "a symbolic link";
    case FileType::kCharacterDevice:
      return "a character device";
    case FileType::kSocket:
      return "a socket";
    case FileType::kOther:
      break;
  }
  return "a FIFO or block device";
}

tl::unexpected<Error> in_the_way(const ContainerPath& target, FileType type) {
  return fail(ErrorKind::kRefused,
              concat(in_quotes(target.text()), " in the container is ", name_of(type)),
              "remove it from the image");
}

sys::MountAttributes attributes_of(DirectoryUse use) {
  return {.read_only = use != DirectoryUse::kWrite, .no_device = use != DirectoryUse::kOpenDevices};
}

// Whether a mount that is there has the flags that one of ours would have: those of the source's
// mount, which a clone keeps, and the wanted ones.
bool has_flags(const sys::MountAttributes& present, const sys::MountAttributes& source,
               const sys::MountAttributes& wanted) {
  return present.read_only == (source.read_only || wanted.read_only) &&
         present.no_suid == (source.no_suid || wanted.no_suid) &&
         present.no_device == (source.no_device || wanted.no_device) &&
         present.no_exec == (source.no_exec || wanted.no_exec);
}

}  // namespace

// Where a bind goes: an existing file, or a stub just made.
struct Executor::Place {
  Found found;
  int directory = -1;
  std::string name;
};

Result<Executor::Place> Executor::file_place(const ContainerPath& target, std::string_view stub,
                                             UndoStack& undo) {
  const int directory = TRY(tree_.directory(target.parent(), undo));
  const std::string name(target.name());
  Found found = TRY(tree_.find_or_create_file(directory, name, 0444, stub, undo));
  // Images with a driver of their own have links here, which may lead anywhere.
  if (found.status.type == FileType::kSymlink)
    found = TRY(tree_.replace_link(directory, name, 0444, stub, undo));
  return Place{.found = std::move(found), .directory = directory, .name = name};
}

// A mount onto a mount of a peer group shows up in every peer, the host's included.
Status Executor::check_private(const FileStatus& target, std::string_view name) const {
  if (roots_.private_mounts.contains(target.mount_id)) return {};
  return fail(ErrorKind::kRefused,
              concat("a mount at ", in_quotes(name),
                     " would appear on the host, too: it lies on a shared mount"),
              "use private or slave propagation (rootfsPropagation, volumes with rshared)");
}

Result<Outcome> Executor::bind(Place place, const Source& source,
                               const sys::MountAttributes& attributes) {
  const FileStatus& status = place.found.status;
  if (status.same_inode(source.status)) {
    if (has_flags(TRY(kernel_.fstatvfs(place.found.fd.get())),
                  TRY(kernel_.fstatvfs(source.fd.get())), attributes))
      return already();
  }
  TRY(tree_.check_place(place.directory));
  TRY(check_private(status, place.name));
  const FileStatus directory = TRY(kernel_.statx(place.directory));
  std::tuple claim{directory.device, directory.inode, place.name};
  if (claimed_.contains(claim)) {
    return fail(ErrorKind::kRefused, concat("two targets lead to ", in_quotes(place.name),
                                            " in one directory of the container"));
  }
  UniqueFd mount = TRY(stage(kernel_, source, attributes));
  claimed_.insert(std::move(claim));
  attachments_.push_back({.op = current_,
                          .mount = std::move(mount),
                          .target = std::move(place.found.fd),
                          .target_status = status,
                          .directory = place.directory,
                          .name = std::move(place.name)});
  return done();
}

Result<Outcome> Executor::prepare_op(const AllowDevice& /*op*/, UndoStack& /*undo*/) {
  return done();  // all rules are set together, by allow_devices
}

Result<Outcome> Executor::prepare_op(const BindFile& op, UndoStack& undo) {
  const Source source = TRY(open_source(kernel_, roots_.driver, op.source, FileType::kRegular));
  Place place = TRY(file_place(op.target, stub_of(op.target), undo));
  if (place.found.status.type != FileType::kRegular)
    return in_the_way(op.target, place.found.status.type);
  return bind(std::move(place), source, kFileAttributes);
}

Result<Outcome> Executor::prepare_op(const BindDevice& op, UndoStack& undo) {
  const Source source = TRY(open_device(kernel_, roots_.device, op));
  Place place = TRY(file_place(op.target, kNodeStub, undo));
  const FileStatus& status = place.found.status;
  // A privileged container, or one with the device in its spec, has the node already.
  if (status.type == FileType::kCharacterDevice && status.number == op.number) return already();
  if (status.type != FileType::kRegular) return in_the_way(op.target, status.type);
  return bind(std::move(place), source, kDeviceAttributes);
}

Result<Outcome> Executor::prepare_op(const BindSocket& op, UndoStack& undo) {
  const Source source = TRY(open_source(kernel_, roots_.driver, op.source, FileType::kSocket));
  Place place = TRY(file_place(op.target, socket_stub(), undo));
  const FileType type = place.found.status.type;
  // A volume over /run brings the host's socket along.
  if (place.found.status.same_inode(source.status)) return already();
  if (type != FileType::kRegular && type != FileType::kSocket) return in_the_way(op.target, type);
  return bind(std::move(place), source, kSocketAttributes);
}

// A directory that exists, or one just made.
Result<Executor::Place> Executor::directory_place(const ContainerPath& target, UndoStack& undo) {
  const int parent = TRY(tree_.directory(target.parent(), undo));
  const std::string name(target.name());
  Found found = TRY(tree_.find_or_create_directory(parent, name, undo));
  if (found.status.type != FileType::kDirectory) return in_the_way(target, found.status.type);
  return Place{.found = std::move(found), .directory = parent, .name = name};
}

Result<Outcome> Executor::prepare_op(const BindDirectory& op, UndoStack& undo) {
  const Source source = TRY(open_directory(kernel_, roots_.device, op));
  Place place = TRY(directory_place(op.target, undo));
  // A volume that brings the host's directory along was the user's wish.
  if (place.found.status.same_inode(source.status) && !tree_.check_place(place.directory))
    return already();
  return bind(std::move(place), source, attributes_of(op.use));
}

// Where the image has a regular file of that name (its own driver, or the stub of a committed
// container), the host's file is bound onto it: what the image ships is covered, not destroyed.
Result<Outcome> Executor::prepare_op(const MakeLink& op, UndoStack& undo) {
  const int directory = TRY(tree_.directory(op.target.parent(), undo));
  const std::string name(op.target.name());
  std::optional<Found> found = TRY(tree_.look(directory, name));
  if (found && found->status.type == FileType::kRegular && op.covered_by) {
    const Source source =
        TRY(open_source(kernel_, roots_.driver, *op.covered_by, FileType::kRegular));
    return bind({.found = std::move(*found), .directory = directory, .name = name}, source,
                kFileAttributes);
  }
  if (found && found->status.type != FileType::kSymlink)
    return in_the_way(op.target, found->status.type);
  if (found && TRY(kernel_.readlinkat(directory, name)) == op.points_to) return already();
  TRY(tree_.put_link(directory, name, op.points_to, undo));
  return done();
}

Result<bool> Executor::same_tree(const Found& directory, const MaskedTree& op) {
  if (TRY(kernel_.fstatfs_type(directory.fd.get())) != sys::kTmpfs) return false;
  for (const ProcFile& file : op.files) {
    const Result<UniqueFd> fd =
        kernel_.openat2(directory.fd.get(), file.path,
                        {.open = sys::Open::kRead, .resolve = sys::Resolve::kSameMount});
    if (!fd) return false;
    const std::vector<std::byte> content = TRY(kernel_.read(fd->get(), file.content.size() + 1));
    const std::span<const std::byte> wanted = std::as_bytes(std::span(file.content));
    if (!std::equal(content.begin(), content.end(), wanted.begin(), wanted.end())) return false;
  }
  return TRY(kernel_.fstatvfs(directory.fd.get())).read_only;
}

Result<Outcome> Executor::mask(const MaskedTree& op, Place place) {
  if (TRY(same_tree(place.found, op))) return already();
  TRY(check_private(place.found.status, op.target.text()));
  UniqueFd mount = TRY(stage_tree(kernel_, op.files));
  attachments_.push_back({.op = current_,
                          .mount = std::move(mount),
                          .target = std::move(place.found.fd),
                          .target_status = place.found.status,
                          .directory = place.directory,
                          .name = std::move(place.name)});
  return done();
}

Result<Outcome> Executor::prepare_op(const MaskedTree& op, UndoStack& undo) {
  if (op.create) {
    Place place = TRY(directory_place(op.target, undo));
    // A tree of an earlier run is a mount of its own there, and has nothing below it.
    TRY(tree_.check_place(place.directory));
    return mask(op, std::move(place));
  }
  std::optional<Found> found = TRY(tree_.existing_directory(op.target));
  if (!found) {
    return Outcome{.kind = OutcomeKind::kSkipped,
                   .detail = "the container has no such directory, so there is nothing to hide"};
  }
  return mask(op, {.found = std::move(*found),
                   .directory = roots_.rootfs,
                   .name = std::string(op.target.relative())});
}

Result<Outcome> Executor::prepare_op(const UpdateLoaderCache& op, UndoStack& undo) {
  cache_ = TRY(prepare_cache(kernel_, tree_, op, undo));
  return cache_ ? done() : already();
}

Result<Outcome> Executor::prepare(std::size_t index, const PlannedOp& op) {
  current_ = index;
  UndoStack undo;
  const ContainerPath* const target = target_of(op.op);
  Result<Outcome> outcome =
      doing(concat("preparing ", in_quotes(target == nullptr ? "a device rule" : target->text())),
            std::visit([&](const auto& kind) { return prepare_op(kind, undo); }, op.op));
  if (!outcome && op.necessity == Necessity::kOptional) {
    undo.roll_back();
    outcome = Outcome{.kind = OutcomeKind::kSkipped, .detail = to_line(outcome.error())};
  }
  if (outcome) outcome->op = index;
  // Also the steps of a failed op: they are undone with everything before it.
  undo_.absorb(undo);
  return outcome;
}

Status Executor::attach() {
  for (const Attachment& attachment : attachments_) {
    TRY(doing(concat("mounting onto ", in_quotes(attachment.name)),
              kernel_.move_mount(attachment.mount.get(), attachment.target.get())));
    ++attached_;
  }
  return {};
}

void Executor::detach() {
  for (; attached_ > 0; --attached_) {
    const Attachment& attachment = attachments_[attached_ - 1];
    // What cannot be taken away goes with the container's mount namespace.
    (void)kernel_.umount2(attachment.directory, attachment.name);
  }
}

Status Executor::verify() {
  TRY(tree_.check_unmoved());
  for (const Attachment& attachment : attachments_) {
    const FileStatus wanted = TRY(kernel_.statx(attachment.mount.get()));
    const UniqueFd now =
        TRY(kernel_.openat2(attachment.directory, attachment.name,
                            {.open = sys::Open::kPath, .resolve = sys::Resolve::kInRootPlain}));
    if (!TRY(kernel_.statx(now.get())).same_inode(wanted)) {
      return fail(ErrorKind::kRefused,
                  concat(in_quotes(attachment.name), " does not show what was mounted onto it"),
                  "something changes the container's file system while it is being prepared");
    }
  }
  return {};
}

Status Executor::finish() {
  if (cache_) TRY(kernel_.renameat(cache_->directory, cache_->beside, cache_->name));
  undo_.commit();
  return {};
}

}  // namespace gpuhook::apply
