// SPDX-License-Identifier: Apache-2.0
// Reading beneath a directory with openat2(RESOLVE_IN_ROOT), Linux 5.6.
#include "sys/rooted_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <span>

#include "base/text.h"
#include "sys/error.h"

namespace gpuhook::sys {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { (void)closedir(dir); }  // nothing was written
};

std::string relative(std::string_view absolute_path) {
  const std::size_t first = absolute_path.find_first_not_of('/');
  return first == std::string_view::npos ? "." : std::string(absolute_path.substr(first));
}

FileType type_of(unsigned char type) {
  switch (type) {
    case DT_REG:
      return FileType::kRegular;
    case DT_DIR:
      return FileType::kDirectory;
    case DT_LNK:
      return FileType::kSymlink;
    case DT_CHR:
      return FileType::kCharacterDevice;
    case DT_SOCK:
      return FileType::kSocket;
    default:
      return FileType::kOther;
  }
}

Result<std::string> path_of(int fd) {
  return linux_kernel().readlinkat(kNoDirectory, concat("/proc/self/fd/", fd));
}

}  // namespace

Result<RootedDir> RootedDir::open(const HostPath& path) {
  Result<UniqueFd> directory = linux_kernel().openat2(
      kNoDirectory, path.text(), {.open = Open::kDirectory, .resolve = Resolve::kHost});
  if (!directory) return tl::unexpected<Error>(std::move(directory).error());
  return RootedDir(std::move(*directory));
}

Result<UniqueFd> RootedDir::locate(std::string_view absolute_path) const {
  return linux_kernel().openat2(fd(), relative(absolute_path),
                                {.open = Open::kPath, .resolve = Resolve::kInRoot});
}

Result<UniqueFd> RootedDir::open_file(std::string_view absolute_path) const {
  // A FIFO or device must not be opened for reading: look first, then open without blocking and
  // look again at that very fd.
  UniqueFd file = TRY(linux_kernel().openat2(fd(), relative(absolute_path),
                                             {.open = Open::kPath, .resolve = Resolve::kInRoot}));
  const FileStatus seen = TRY(linux_kernel().statx(file.get()));
  if (seen.type != FileType::kRegular)
    return fail(ErrorKind::kRefused, concat("not a regular file: ", in_quotes(absolute_path)));
  file = TRY(linux_kernel().openat2(fd(), relative(absolute_path),
                                    {.open = Open::kRead, .resolve = Resolve::kInRoot}));
  const FileStatus got = TRY(linux_kernel().statx(file.get()));
  if (!got.same_inode(seen))
    return fail(ErrorKind::kRefused,
                concat("changed while being opened: ", in_quotes(absolute_path)));
  return file;
}

Result<std::string> RootedDir::read_file(std::string_view absolute_path, std::size_t limit) const {
  const UniqueFd file = TRY(open_file(absolute_path));
  const std::vector<std::byte> bytes = TRY(linux_kernel().read(file.get(), limit + 1));
  if (bytes.size() > limit) {
    return fail(ErrorKind::kRefused,
                concat(in_quotes(absolute_path), " has more than ", limit, " bytes"));
  }
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<FileStatus> RootedDir::status(std::string_view absolute_path) const {
  const UniqueFd file = TRY(locate(absolute_path));
  return linux_kernel().statx(file.get());
}

bool RootedDir::is_directory(std::string_view absolute_path) const {
  const Result<FileStatus> found = status(absolute_path);
  return found && found->type == FileType::kDirectory;
}

bool RootedDir::exists(std::string_view absolute_path) const {
  return locate(absolute_path).has_value();
}

Result<std::vector<DirEntry>> RootedDir::list(std::string_view absolute_path,
                                              std::size_t limit) const {
  UniqueFd directory = TRY(linux_kernel().openat2(
      fd(), relative(absolute_path), {.open = Open::kReadDirectory, .resolve = Resolve::kInRoot}));
  const std::unique_ptr<DIR, CloseDir> stream(fdopendir(directory.get()));
  if (!stream) return failed(concat("fdopendir ", in_quotes(absolute_path)), errno);
  (void)directory.release();  // the stream owns it now
  std::vector<DirEntry> entries;
  errno = 0;
  while (const dirent* const entry = readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entries.size() == limit) {
      return fail(ErrorKind::kRefused,
                  concat(in_quotes(absolute_path), " has more than ", limit, " entries"));
    }
    entries.push_back({.name = std::string(name), .type = type_of(entry->d_type)});
  }
  if (errno != 0) return failed(concat("readdir ", in_quotes(absolute_path)), errno);
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

Result<HostPath> RootedDir::real_path(std::string_view absolute_path) const {
  const UniqueFd file = TRY(locate(absolute_path));
  std::string root = TRY(path_of(fd()));
  const std::string inside = TRY(path_of(file.get()));
  if (root == "/") root.clear();
  if (!inside.starts_with(root))
    return fail(ErrorKind::kSystem,
                concat("no path inside the root for ", in_quotes(absolute_path)));
  return HostPath::parse(
      inside.size() == root.size() ? "/" : std::string_view(inside).substr(root.size()));
}

Result<HostPath> resolve_directory(const HostPath& base, const std::string& path) {
  const UniqueFd start = TRY(linux_kernel().openat2(
      kNoDirectory, base.text(), {.open = Open::kDirectory, .resolve = Resolve::kHost}));
  const UniqueFd directory = TRY(linux_kernel().openat2(
      start.get(), path, {.open = Open::kDirectory, .resolve = Resolve::kNoMagic}));
  return HostPath::parse(TRY(path_of(directory.get())));
}

Status replace_file(const HostPath& directory, const std::string& name, std::string_view content) {
  const UniqueFd dir = TRY(linux_kernel().openat2(
      kNoDirectory, directory.text(), {.open = Open::kDirectory, .resolve = Resolve::kHost}));
  struct stat old {};
  if (fstatat(dir.get(), name.c_str(), &old, AT_SYMLINK_NOFOLLOW) != 0)
    return failed(concat("stat ", in_quotes(name)), errno);
  if (!S_ISREG(old.st_mode))
    return fail(ErrorKind::kRefused, concat(in_quotes(name), " is not a regular file"));
  const std::string beside = concat(".", name, ".gpu-hook.", getpid());
  const auto write_beside = [&]() -> Status {
    const UniqueFd file = TRY(linux_kernel().openat2(
        dir.get(), beside, {.open = Open::kCreate, .resolve = Resolve::kPlain, .mode = 0600}));
    TRY(linux_kernel().write(file.get(), std::as_bytes(std::span(content))));
    if (fchown(file.get(), old.st_uid, old.st_gid) != 0)
      return failed(concat("fchown ", in_quotes(beside)), errno);
    if (fchmod(file.get(), old.st_mode & 07777U) != 0)
      return failed(concat("fchmod ", in_quotes(beside)), errno);
    if (fsync(file.get()) != 0) return failed(concat("fsync ", in_quotes(beside)), errno);
    return linux_kernel().renameat(dir.get(), beside, name);
  };
  Status written = write_beside();
  if (!written)
    (void)linux_kernel().unlinkat(dir.get(), beside, false);  // it may never have come into being
  return written;
}

Result<UniqueFd> lock_directory(int directory) {
  UniqueFd readable = TRY(linux_kernel().openat2(directory, ".", {.open = Open::kReadDirectory}));
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 2'000'000};
  constexpr int kAttempts = 2500;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (flock(readable.get(), LOCK_EX | LOCK_NB) == 0) return readable;
    if (errno == EBADF || errno == EOPNOTSUPP || errno == ENOLCK) return readable;
    if (errno != EWOULDBLOCK && errno != EINTR) return failed("flock", errno);
    (void)nanosleep(&kPause, nullptr);  // waking early only means asking again
  }
  return fail(ErrorKind::kRefused, "another process holds a lock on the directory",
              "end the container that uses the same root directory and locks it");
}

Result<std::vector<std::byte>> read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::size_t filled = 0;
  if (offset > static_cast<std::uint64_t>(INT64_MAX) - size) return std::vector<std::byte>();
  while (filled < size) {
    const ssize_t got = retried([&] {
      return pread(fd, bytes.data() + filled, size - filled, static_cast<off_t>(offset + filled));
    });
    if (got < 0) return failed("pread", errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace gpuhook::sys
