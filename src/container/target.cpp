// SPDX-License-Identifier: Apache-2.0
// Gets hold of a container: its process by pidfd, its root directory by descriptor, in its own
// mount namespace.
#include "base/text.h"
#include "base/try.h"
#include "container/parts.h"
#include "formats/proc_tables.h"

namespace gpuhook {
namespace {

using sys::FileStatus;
using sys::linux_kernel;

constexpr std::size_t kMaxMapBytes = 65536;

// Before pivot_root the process' root is the host's and the container's root directory lies
// somewhere below it, where the container's mounts are seen through /proc/<pid>/root only. After
// pivot_root the process' root is that directory.
Result<UniqueFd> open_rootfs(const sys::Process& process, const HostPath& rootfs) {
  UniqueFd root = TRY(linux_kernel().openat2(
      process.proc.get(), "root", {.open = sys::Open::kDirectory, .resolve = sys::Resolve::kHost}));
  const FileStatus theirs = TRY(linux_kernel().statx(root.get()));
  const sys::RootedDir host = TRY(sys::RootedDir::open(HostPath()));
  const FileStatus ours = TRY(linux_kernel().statx(host.fd()));
  if (!theirs.same_inode(ours)) {
    const Result<FileStatus> wanted = host.status(rootfs.text());
    if (wanted && wanted->same_inode(theirs)) return root;
  }
  return linux_kernel().openat2(root.get(),
                                rootfs == HostPath() ? "." : std::string(rootfs.relative()),
                                {.open = sys::Open::kDirectory, .resolve = sys::Resolve::kInRoot});
}

Status check_rootfs(const FileStatus& status, const HostPath& rootfs) {
  const sys::RootedDir host = TRY(sys::RootedDir::open(HostPath()));
  if (status.same_inode(TRY(linux_kernel().statx(host.fd())))) {
    return fail(ErrorKind::kRefused,
                concat("the root directory ", in_quotes(rootfs.text()), " is the host's own root"),
                "name the container's root file system");
  }
  if (!status.mount_root) {
    return fail(ErrorKind::kRefused,
                concat("the root directory ", in_quotes(rootfs.text()),
                       " is not a mount of its own in the container's namespace"),
                "bind it onto itself before the hook runs, as container runtimes do");
  }
  return {};
}

// Root of the container as numbers of our own user namespace: new files shall belong to it. An
// unmapped root leaves ours.
Result<std::uint32_t> container_root(const sys::Process& process, std::string_view map) {
  // The map of our own namespace shows the numbers of the parent namespace instead.
  if (TRY(sys::shares_our_namespace(process, "user"))) return std::uint32_t{0};
  const UniqueFd file =
      TRY(linux_kernel().openat2(process.proc.get(), std::string(map), {.open = sys::Open::kRead}));
  const std::vector<std::byte> bytes = TRY(linux_kernel().read(file.get(), kMaxMapBytes));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return formats::mapped_root(text).value_or(0);
}

Status check_namespace(const sys::Process& process) {
  if (!TRY(sys::shares_our_namespace(process, "mnt"))) return {};
  return fail(ErrorKind::kRefused,
              concat("process ", process.pid, " shares the host's mount namespace"),
              "give the pid of a container's first process, and the container a mount namespace");
}

}  // namespace

Target::Target(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Target::Target(Target&&) noexcept = default;
Target& Target::operator=(Target&&) noexcept = default;
Target::~Target() = default;

Result<Target> Target::of_process(std::int64_t pid, const HostPath& rootfs) {
  const auto take_hold = [&]() -> Result<Target> {
    if (pid < 2 || pid > INT32_MAX) {
      return fail(ErrorKind::kBadInput,
                  concat("pid ", pid, " cannot be a container's first process"));
    }
    sys::Process process = TRY(sys::open_process(pid));
    TRY(check_namespace(process));
    UniqueFd root = TRY(doing(concat("opening the root directory ", in_quotes(rootfs.text())),
                              open_rootfs(process, rootfs)));
    const FileStatus status = TRY(linux_kernel().statx(root.get()));
    TRY(check_rootfs(status, rootfs));
    const std::uint32_t uid = TRY(container_root(process, "uid_map"));
    const std::uint32_t gid = TRY(container_root(process, "gid_map"));
    if (!sys::is_alive(process))
      return fail(ErrorKind::kNotFound, concat("process ", pid, " has ended"));
    return Target(std::make_unique<Parts>(Parts{.process = std::move(process),
                                                .rootfs = sys::RootedDir::adopt(std::move(root)),
                                                .rootfs_mount_id = status.mount_id,
                                                .root_uid = uid,
                                                .root_gid = gid}));
  };
  return doing(concat("taking hold of the container of process ", pid), take_hold());
}

Result<Target> Target::of_directory(const HostPath& rootfs) {
  sys::RootedDir root = TRY(doing("opening the root directory", sys::RootedDir::open(rootfs)));
  return Target(std::make_unique<Parts>(Parts{.process = std::nullopt, .rootfs = std::move(root)}));
}

}  // namespace gpuhook
