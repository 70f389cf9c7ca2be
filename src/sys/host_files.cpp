// SPDX-License-Identifier: Apache-2.0
// A new file is written under another name and linked to its own, which never goes over a file.
#include "sys/host_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <span>

#include "base/text.h"
#include "sys/error.h"
#include "sys/kernel.h"

namespace gpuhook::sys {
namespace {

Result<UniqueFd> open_directory(const HostPath& path) {
  return linux_kernel().openat2(kNoDirectory, path.text(),
                                {.open = Open::kDirectory, .resolve = Resolve::kHost});
}

Status make_directories(const HostPath& path) {
  if (path == HostPath() || open_directory(path)) return {};
  TRY(make_directories(path.parent()));
  if (mkdir(path.text().c_str(), 0755) == 0 || errno == EEXIST) return {};
  return failed(concat("mkdir ", in_quotes(path.text())), errno);
}

}  // namespace

Status make_file(const HostPath& path, std::string_view content, std::uint32_t mode) {
  TRY(make_directories(path.parent()));
  const UniqueFd directory = TRY(open_directory(path.parent()));
  const std::string name(path.name());
  const std::string beside = concat(".", name, ".gpu-hook.", getpid());
  const auto write_beside = [&]() -> Status {
    const UniqueFd file = TRY(
        linux_kernel().openat2(directory.get(), beside,
                               {.open = Open::kCreate, .resolve = Resolve::kPlain, .mode = mode}));
    TRY(linux_kernel().write(file.get(), std::as_bytes(std::span(content))));
    if (fsync(file.get()) != 0) return failed(concat("fsync ", in_quotes(beside)), errno);
    if (linkat(directory.get(), beside.c_str(), directory.get(), name.c_str(), 0) != 0)
      return failed(concat("link ", in_quotes(path.text())), errno);
    return {};
  };
  Status written = write_beside();
  (void)linux_kernel().unlinkat(directory.get(), beside, false);  // it may never have been made
  return written;
}

Status remove_file(const HostPath& path) {
  const UniqueFd directory = TRY(open_directory(path.parent()));
  return linux_kernel().unlinkat(directory.get(), std::string(path.name()), false);
}

Result<bool> is_link(int directory, const std::string& name) {
  struct stat found {};
  if (fstatat(directory, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0)
    return S_ISLNK(found.st_mode);
  if (errno == ENOENT) return false;
  return failed(concat("stat ", in_quotes(name)), errno);
}

}  // namespace gpuhook::sys
