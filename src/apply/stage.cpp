// SPDX-License-Identifier: Apache-2.0
// Makes detached mounts.
#include "apply/stage.h"

#include <set>

#include "base/text.h"
#include "base/try.h"
#include "sys/privileges.h"

namespace gpuhook::apply {
namespace {

constexpr std::uint64_t kTreeBytes = std::uint64_t{1}
                                     << 20U;  // room for directories and partly filled pages

// Creates the directories above a relative path, each once.
Status make_parents(sys::Kernel& kernel, int root, const std::string& path,
                    std::set<std::string>& made) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string directory = path.substr(0, slash);
    if (made.insert(directory).second) TRY(kernel.mkdirat(root, directory, 0555));
  }
  return {};
}

Status fill(sys::Kernel& kernel, int root, std::span<const ProcFile> files) {
  std::set<std::string> made;
  for (const ProcFile& file : files) {
    TRY(make_parents(kernel, root, file.path, made));
    const UniqueFd out =
        TRY(kernel.openat2(root, file.path, {.open = sys::Open::kCreate, .mode = 0444}));
    TRY(kernel.write(out.get(), std::as_bytes(std::span(file.content))));
  }
  return {};
}

Result<Source> open_as(sys::Kernel& kernel, int root, const HostPath& path, sys::FileType type,
                       sys::Resolve resolve) {
  const auto open = [&]() -> Result<Source> {
    Source source;
    source.fd = TRY(kernel.openat2(root, std::string(path.relative()),
                                   {.open = sys::Open::kPath, .resolve = resolve}));
    source.status = TRY(kernel.statx(source.fd.get()));
    if (source.status.type != type)
      return fail(ErrorKind::kRefused, "it is of another type than planned");
    return source;
  };
  return doing(concat("opening host file ", in_quotes(path.text())), open());
}

}  // namespace

Result<Source> open_source(sys::Kernel& kernel, int root, const HostPath& path,
                           sys::FileType type) {
  return open_as(kernel, root, path, type, sys::Resolve::kInRoot);
}

Result<Source> open_directory(sys::Kernel& kernel, int root, const BindDirectory& directory) {
  Source source = TRY(open_as(kernel, root, directory.source, sys::FileType::kDirectory,
                              sys::Resolve::kInRootPlain));
  if (directory.use != DirectoryUse::kWrite || TRY(sys::is_trusted_owner(source.status.uid)))
    return source;
  return fail(ErrorKind::kRefused,
              concat("host directory ", in_quotes(directory.source.text()), " is not root's"));
}

Result<Source> open_device(sys::Kernel& kernel, int root, const BindDevice& device) {
  Source source = TRY(open_source(kernel, root, device.source, sys::FileType::kCharacterDevice));
  if (source.status.number == device.number) return source;
  return fail(ErrorKind::kRefused,
              concat("host device ", in_quotes(device.source.text()), " has number ",
                     source.status.number.major, ":", source.status.number.minor, ", not ",
                     device.number.major, ":", device.number.minor));
}

Result<UniqueFd> stage(sys::Kernel& kernel, const Source& source,
                       const sys::MountAttributes& attributes) {
  UniqueFd mount = TRY(kernel.open_tree(source.fd.get()));
  TRY(kernel.mount_setattr(mount.get(), attributes));
  return mount;
}

Result<UniqueFd> stage_tree(sys::Kernel& kernel, std::span<const ProcFile> files) {
  std::uint64_t bytes = kTreeBytes;
  for (const ProcFile& file : files) bytes += file.content.size();
  UniqueFd mount = TRY(kernel.fsmount_tmpfs(bytes));
  TRY(fill(kernel, mount.get(), files));
  TRY(kernel.mount_setattr(mount.get(), kTreeAttributes));
  return mount;
}

}  // namespace gpuhook::apply
