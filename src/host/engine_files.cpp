// SPDX-License-Identifier: Apache-2.0
// Reads and writes the configuration files of container engines.
#include <cerrno>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/engines.h"
#include "sys/host_files.h"
#include "sys/rooted_dir.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;

// EACCES and EPERM say to everybody but root who could do it.
template <class T>
Result<T> as_root(Result<T> result) {
  const int number = result ? 0 : result.error().sys_errno;
  if (number == EACCES || number == EPERM || number == EROFS)
    result.error().remedy =
        number == EROFS ? "the file system is read-only" : "run as the owner of the file, root";
  return result;
}

Status write_change(const FileChange& change) {
  if (!change.before) return sys::make_file(change.path, *change.after, change.mode);
  const HostPath real = file_behind(change.path);
  if (!change.after) return sys::remove_file(change.path);
  return sys::replace_file(real.parent(), std::string(real.name()), *change.after);
}

}  // namespace

Result<std::optional<std::string>> read_engine_file(const HostPath& path) {
  const auto read = [&]() -> Result<std::optional<std::string>> {
    const sys::RootedDir host = TRY(sys::RootedDir::open(HostPath()));
    Result<std::string> text = host.read_file(path.text(), kMaxBytes);
    if (text) return std::optional(std::move(*text));
    const int number = text.error().sys_errno;
    if (number != ENOENT && number != ENOTDIR) return tl::unexpected<Error>(text.error());
    const Result<sys::RootedDir> directory = sys::RootedDir::open(path.parent());
    if (!directory) return std::optional<std::string>();
    const auto link = sys::is_link(directory->fd(), std::string(path.name()));
    if (!TRY(link)) return std::optional<std::string>();
    return fail(ErrorKind::kRefused, "a link that leads nowhere", "remove it");
  };
  return doing(concat("reading ", in_quotes(path.text())), as_root(read()));
}

HostPath file_behind(const HostPath& path) {
  const auto find = [&]() -> Result<HostPath> {
    const sys::RootedDir host = TRY(sys::RootedDir::open(HostPath()));
    return host.real_path(path.text());
  };
  return find().value_or(path);
}

Status write_engine_changes(const EngineChanges& changes) {
  for (const FileChange& change : changes.files) {
    if (TRY(read_engine_file(change.path)) != change.before) {
      return fail(ErrorKind::kRefused,
                  concat(in_quotes(change.path.text()), " has been changed meanwhile"),
                  "run the command again");
    }
  }
  for (const FileChange& change : changes.files)
    TRY(doing(concat("writing ", in_quotes(change.path.text())), as_root(write_change(change))));
  return {};
}

}  // namespace gpuhook
