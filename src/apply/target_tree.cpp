// SPDX-License-Identifier: Apache-2.0
// Lookups and changes beneath a container's root, by descriptor and single name.
#include "apply/target_tree.h"

#include <cerrno>
#include <span>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::apply {
namespace {

using sys::FileStatus;

bool missing(const Error& error) { return error.sys_errno == ENOENT; }
// Another start from the same image made it between our look and our attempt.
bool made_by_another(const Error& error) { return error.sys_errno == EEXIST; }

}  // namespace

Result<bool> TargetTree::is_own_place(int fd, const FileStatus& status) {
  if (status.mount_id == rootfs_mount_id_) return true;
  if (host_file_systems_.contains(status.file_system)) return false;
  return TRY(kernel_.fstatfs_type(fd)) == sys::kTmpfs;
}

Status TargetTree::check_place(int directory) const {
  for (const auto& [path, opened] : directories_) {
    if (opened.fd.get() != directory || opened.own_place) continue;
    return fail(
        ErrorKind::kRefused,
        concat(in_quotes(path.text()), " lies on a volume or pseudo file system of the container"),
        "do not mount volumes over the directories that receive driver files");
  }
  return {};
}

Result<UniqueFd> TargetTree::open_or_create(const ContainerPath& path, UndoStack& undo) {
  const sys::OpenHow how{.open = sys::Open::kDirectory, .resolve = sys::Resolve::kInRoot};
  const std::string relative(path.relative());
  Result<UniqueFd> found = kernel_.openat2(rootfs_, relative.empty() ? "." : relative, how);
  if (found || !missing(found.error()) || relative.empty()) return found;
  const int parent = TRY(directory(path.parent(), undo));
  const std::string name(path.name());
  TRY(check_place(parent));
  Status made = kernel_.mkdirat(parent, name, 0755);
  if (!made && !made_by_another(made.error())) return tl::unexpected<Error>(made.error());
  if (made) {
    undo.push([this, path, parent, name] {
      directories_.erase(path);
      // Fails when somebody put something into it meanwhile; then it is theirs.
      (void)kernel_.unlinkat(parent, name, true);
    });
  }
  return kernel_.openat2(parent, name, {.open = sys::Open::kDirectory});
}

Result<int> TargetTree::directory(const ContainerPath& path, UndoStack& undo) {
  if (const auto known = directories_.find(path); known != directories_.end())
    return known->second.fd.get();
  Directory opened;
  opened.fd =
      TRY(doing(concat("opening directory ", in_quotes(path.text())), open_or_create(path, undo)));
  opened.own_place = TRY(is_own_place(opened.fd.get(), TRY(kernel_.statx(opened.fd.get()))));
  return directories_.insert_or_assign(path, std::move(opened)).first->second.fd.get();
}

Status TargetTree::check_unmoved() {
  for (const auto& [path, opened] : directories_) {
    const std::string relative(path.relative());
    const Result<UniqueFd> now =
        kernel_.openat2(rootfs_, relative.empty() ? "." : relative,
                        {.open = sys::Open::kDirectory, .resolve = sys::Resolve::kInRoot});
    const bool same =
        now && TRY(kernel_.statx(now->get())).same_inode(TRY(kernel_.statx(opened.fd.get())));
    if (same) continue;
    return fail(ErrorKind::kRefused,
                concat(in_quotes(path.text()), " was moved while it was in use"),
                "something changes the container's file system while it is being prepared");
  }
  return {};
}

Result<std::optional<Found>> TargetTree::existing_directory(const ContainerPath& path) {
  Result<UniqueFd> fd =
      kernel_.openat2(rootfs_, std::string(path.relative()),
                      {.open = sys::Open::kDirectory, .resolve = sys::Resolve::kInRootPlain});
  if (!fd && missing(fd.error())) return std::optional<Found>();
  if (!fd) return tl::unexpected<Error>(std::move(fd).error());
  const FileStatus status = TRY(kernel_.statx(fd->get()));
  return std::optional<Found>(Found{.fd = std::move(*fd), .status = status});
}

Result<std::optional<Found>> TargetTree::look(int directory, const std::string& name) {
  Result<UniqueFd> fd =
      kernel_.openat2(directory, name, {.open = sys::Open::kPath, .resolve = sys::Resolve::kEntry});
  if (!fd && missing(fd.error())) return std::optional<Found>();
  if (!fd) return tl::unexpected<Error>(std::move(fd).error());
  const FileStatus status = TRY(kernel_.statx(fd->get()));
  return std::optional<Found>(Found{.fd = std::move(*fd), .status = status});
}

Result<Found> TargetTree::find_or_create_file(int directory, const std::string& name,
                                              std::uint32_t mode, std::string_view content,
                                              UndoStack& undo) {
  std::optional<Found> found = TRY(look(directory, name));
  if (found) return std::move(*found);
  Result<Found> made = create_file(directory, name, mode, content, undo);
  if (made || !made_by_another(made.error())) return made;
  found = TRY(look(directory, name));
  if (found) return std::move(*found);
  return made;
}

Result<Found> TargetTree::find_or_create_directory(int directory, const std::string& name,
                                                   UndoStack& undo) {
  std::optional<Found> found = TRY(look(directory, name));
  if (found) return std::move(*found);
  TRY(check_place(directory));
  Status made = kernel_.mkdirat(directory, name, 0755);
  if (!made && !made_by_another(made.error())) return tl::unexpected<Error>(made.error());
  if (made) {
    undo.push([this, directory, name] { (void)kernel_.unlinkat(directory, name, true); });
  }
  found = TRY(look(directory, name));
  if (found) return std::move(*found);
  return fail(ErrorKind::kRefused, concat(in_quotes(name), " was taken away while it was made"));
}

Result<Found> TargetTree::create_file(int directory, const std::string& name, std::uint32_t mode,
                                      std::string_view content, UndoStack& undo) {
  TRY(check_place(directory));
  const UniqueFd file =
      TRY(kernel_.openat2(directory, name, {.open = sys::Open::kCreate, .mode = mode}));
  const Result<FileStatus> status = kernel_.statx(file.get());
  if (!status) (void)kernel_.unlinkat(directory, name, false);  // made a moment ago
  const FileStatus created = TRY(status);
  undo.push([this, directory, name, created] {
    const Result<std::optional<Found>> now = look(directory, name);
    // What is mounted there is ours, too: an entry that is replaced loses its mounts.
    if (now && *now && ((*now)->status.same_inode(created) || (*now)->status.mount_root))
      (void)kernel_.unlinkat(directory, name, false);
  });
  TRY(kernel_.write(file.get(), std::as_bytes(std::span(content))));
  std::optional<Found> found = TRY(look(directory, name));
  if (!found || !found->status.same_inode(created)) {
    return fail(ErrorKind::kRefused,
                concat(in_quotes(name), " was exchanged while it was created"));
  }
  return std::move(*found);
}

Result<Found> TargetTree::replace_link(int directory, const std::string& name, std::uint32_t mode,
                                       std::string_view content, UndoStack& undo) {
  const std::string old = TRY(kernel_.readlinkat(directory, name));
  const std::string beside = temporary(directory, name);
  Found file = TRY(create_file(directory, beside, mode, content, undo));
  TRY(kernel_.renameat(directory, beside, name));
  undo.push([this, directory, name, beside, old, ours = file.status] {
    const Result<std::optional<Found>> now = look(directory, name);
    if (!now || !*now || !((*now)->status.same_inode(ours) || (*now)->status.mount_root)) return;
    if (kernel_.symlinkat(old, directory, beside)) (void)kernel_.renameat(directory, beside, name);
  });
  return file;
}

Status TargetTree::put_link(int directory, const std::string& name, const std::string& text,
                            UndoStack& undo) {
  TRY(check_place(directory));
  const Result<std::string> old = kernel_.readlinkat(directory, name);
  if (!old) {
    if (!missing(old.error())) return tl::unexpected<Error>(old.error());
    Status made = kernel_.symlinkat(text, directory, name);
    if (!made && made_by_another(made.error()) && kernel_.readlinkat(directory, name) == text)
      return {};
    TRY(std::move(made));
    undo.push([this, directory, name, text] {
      if (kernel_.readlinkat(directory, name) == text)
        (void)kernel_.unlinkat(directory, name, false);
    });
    return {};
  }
  const std::string beside = temporary(directory, name);
  TRY(kernel_.symlinkat(text, directory, beside));
  if (Status renamed = kernel_.renameat(directory, beside, name); !renamed) {
    (void)kernel_.unlinkat(directory, beside, false);
    return renamed;
  }
  undo.push([this, directory, name, text, beside, previous = *old] {
    if (kernel_.readlinkat(directory, name) == text &&
        kernel_.symlinkat(previous, directory, beside))
      (void)kernel_.renameat(directory, beside, name);
  });
  return {};
}

std::string TargetTree::temporary(int directory, const std::string& name) {
  std::string beside = concat(".", name, ".", mark_);
  (void)kernel_.unlinkat(directory, beside, false);  // usually there is none
  return beside;
}

}  // namespace gpuhook::apply
