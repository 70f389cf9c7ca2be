// SPDX-License-Identifier: Apache-2.0
// The Kernel interface over system calls. glibc 2.36 has wrappers for the mount calls but not for
// openat2; all go through syscall() so that the library also builds where glibc is older.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "sys/bpf.h"
#include "sys/error.h"
#include "sys/kernel.h"
#include "sys/privileges.h"

namespace gpuhook::sys {
namespace {

// A lookup through ".." reports EAGAIN when anything on the machine was renamed or mounted
// meanwhile. At once it usually succeeds; on a machine that renames without pause it needs a moment
// of luck.
constexpr int kQuickLookups = 128;
constexpr int kPatientLookups = 1000;
constexpr timespec kLookupPause{.tv_sec = 0, .tv_nsec = 100'000};

FileType type_of(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return FileType::kRegular;
    case S_IFDIR:
      return FileType::kDirectory;
    case S_IFLNK:
      return FileType::kSymlink;
    case S_IFCHR:
      return FileType::kCharacterDevice;
    case S_IFSOCK:
      return FileType::kSocket;
    default:
      return FileType::kOther;
  }
}

Status outcome(long result, std::string what) {
  if (result < 0) return failed(std::move(what), errno);
  return {};
}

Result<UniqueFd> opened(long result, std::string what) {
  if (result < 0) return failed(std::move(what), errno);
  return UniqueFd(static_cast<int>(result));
}

int flags_of(Open open) {
  switch (open) {
    case Open::kPath:
      return O_PATH;
    case Open::kDirectory:
      return O_PATH | O_DIRECTORY;
    case Open::kRead:
      return O_RDONLY | O_NONBLOCK | O_NOCTTY;
    case Open::kReadDirectory:
      return O_RDONLY | O_DIRECTORY;
    case Open::kWrite:
      return O_WRONLY | O_NONBLOCK | O_NOCTTY;
    case Open::kCreate:
      return O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  }
  return O_PATH;
}

unsigned resolve_of(Resolve resolve) {
  constexpr unsigned kNoLinks = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  switch (resolve) {
    case Resolve::kHost:
      return 0;
    case Resolve::kNoMagic:
      return RESOLVE_NO_MAGICLINKS;
    case Resolve::kInRoot:
      return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    case Resolve::kInRootPlain:
      return RESOLVE_IN_ROOT | kNoLinks;
    case Resolve::kEntry:
      return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    case Resolve::kPlain:
      return RESOLVE_BENEATH | kNoLinks;
    case Resolve::kSameMount:
      return RESOLVE_BENEATH | kNoLinks | RESOLVE_NO_XDEV;
  }
  return RESOLVE_BENEATH | kNoLinks;
}

open_how request_of(const OpenHow& how) {
  const bool last_link_itself = how.resolve == Resolve::kEntry;
  return {.flags = static_cast<__u64>(flags_of(how.open) | (last_link_itself ? O_NOFOLLOW : 0) |
                                      O_CLOEXEC),
          .mode = how.mode,
          .resolve = resolve_of(how.resolve)};
}

static_assert(kNoDirectory == AT_FDCWD && kTmpfs == TMPFS_MAGIC && kCgroup == CGROUP_SUPER_MAGIC &&
              kCgroup2 == CGROUP2_SUPER_MAGIC);

std::string text_of(const MountAttributes& attributes) {
  return concat(attributes.read_only ? "ro" : "rw", attributes.no_suid ? ",nosuid" : "",
                attributes.no_device ? ",nodev" : "", attributes.no_exec ? ",noexec" : "");
}

std::uint64_t mount_flags(const MountAttributes& attributes) {
  return (attributes.read_only ? MOUNT_ATTR_RDONLY : 0U) |
         (attributes.no_suid ? MOUNT_ATTR_NOSUID : 0U) |
         (attributes.no_device ? MOUNT_ATTR_NODEV : 0U) |
         (attributes.no_exec ? MOUNT_ATTR_NOEXEC : 0U);
}

class LinuxKernel final : public Kernel {
 public:
  Result<UniqueFd> openat2(int dir, const std::string& path, const OpenHow& how) override {
    open_how request = request_of(how);
    long fd = -1;
    for (int attempt = 0; attempt < kQuickLookups + kPatientLookups; ++attempt) {
      if (attempt >= kQuickLookups) (void)nanosleep(&kLookupPause, nullptr);  // early is as good
      fd = retried(
          [&] { return syscall(SYS_openat2, dir, path.c_str(), &request, sizeof request); });
      if (fd >= 0 || errno != EAGAIN) break;
    }
    if (fd < 0) return failed(concat("openat2 ", in_quotes(path)), errno);
    return UniqueFd(static_cast<int>(fd));
  }

  Result<FileStatus> statx(int fd) override {
    struct statx raw {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &raw) != 0)
      return failed("statx", errno);
    return FileStatus{
        .type = type_of(raw.stx_mode),
        .device = makedev(raw.stx_dev_major, raw.stx_dev_minor),
        .file_system = {.major = raw.stx_dev_major, .minor = raw.stx_dev_minor},
        .inode = raw.stx_ino,
        .number = {.major = raw.stx_rdev_major, .minor = raw.stx_rdev_minor},
        .size = raw.stx_size,
        .links = raw.stx_nlink,
        .uid = raw.stx_uid,
        .gid = raw.stx_gid,
        .permissions = raw.stx_mode & 07777U,
        .group_writable = (raw.stx_mode & S_IWGRP) != 0,
        .world_writable = (raw.stx_mode & S_IWOTH) != 0,
        .mount_id = raw.stx_mnt_id,
        .mount_root = (raw.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
    };
  }

  Result<std::uint64_t> fstatfs_type(int fd) override {
    struct statfs raw {};
    if (::fstatfs(fd, &raw) != 0) return failed("fstatfs", errno);
    return static_cast<std::uint64_t>(raw.f_type);
  }

  Result<MountAttributes> fstatvfs(int fd) override {
    struct statvfs raw {};
    if (::fstatvfs(fd, &raw) != 0) return failed("fstatvfs", errno);
    const auto set = [&raw](unsigned long flag) { return (raw.f_flag & flag) != 0; };
    return MountAttributes{.read_only = set(ST_RDONLY),
                           .no_suid = set(ST_NOSUID),
                           .no_device = set(ST_NODEV),
                           .no_exec = set(ST_NOEXEC)};
  }

  Result<std::string> readlinkat(int dir, const std::string& name) override {
    std::array<char, 4096> text{};
    const ssize_t size = ::readlinkat(dir, name.c_str(), text.data(), text.size());
    if (size < 0) return failed(concat("readlinkat ", in_quotes(name)), errno);
    return std::string(text.data(), static_cast<std::size_t>(size));
  }

  Result<std::vector<std::byte>> read(int fd, std::size_t limit) override {
    std::vector<std::byte> bytes(std::min<std::size_t>(limit, 1U << 16U));
    std::size_t filled = 0;
    while (filled < limit) {
      if (filled == bytes.size()) bytes.resize(std::min(limit, bytes.size() * 4));
      const ssize_t got =
          retried([&] { return ::read(fd, bytes.data() + filled, bytes.size() - filled); });
      if (got < 0) return failed("read", errno);
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    bytes.resize(filled);
    return bytes;
  }

  Status mkdirat(int dir, const std::string& name, std::uint32_t mode) override {
    return outcome(::mkdirat(dir, name.c_str(), mode), concat("mkdirat ", in_quotes(name)));
  }
  Status symlinkat(const std::string& text, int dir, const std::string& name) override {
    return outcome(::symlinkat(text.c_str(), dir, name.c_str()),
                   concat("symlinkat ", in_quotes(name), " -> ", in_quotes(text)));
  }
  Status renameat(int dir, const std::string& from, const std::string& to) override {
    return outcome(::renameat(dir, from.c_str(), dir, to.c_str()),
                   concat("renameat ", in_quotes(from), " to ", in_quotes(to)));
  }
  Status unlinkat(int dir, const std::string& name, bool directory) override {
    return outcome(::unlinkat(dir, name.c_str(), directory ? AT_REMOVEDIR : 0),
                   concat("unlinkat ", in_quotes(name)));
  }

  Status write(int fd, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = retried([&] { return ::write(fd, bytes.data(), bytes.size()); });
      if (written < 0) return failed("write", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<UniqueFd> open_tree(int fd) override {
    return opened(
        syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
        "open_tree");
  }

  Status mount_setattr(int mount, const MountAttributes& attributes) override {
    mount_attr request{.attr_set = mount_flags(attributes),
                       .attr_clr = 0,
                       .propagation = kPrivate,
                       .userns_fd = 0};
    return outcome(syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &request, sizeof request),
                   concat("mount_setattr ", text_of(attributes)));
  }

  Status move_mount(int mount, int target) override {
    constexpr unsigned kByFd = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    return outcome(syscall(SYS_move_mount, mount, "", target, "", kByFd), "move_mount");
  }

  Status umount2(int dir, const std::string& name) override {
    TRY(outcome(::fchdir(dir), "fchdir"));
    return outcome(syscall(SYS_umount2, name.c_str(), kDetach | kNoFollow),
                   concat("umount2 ", in_quotes(name)));
  }

  Result<UniqueFd> fsmount_tmpfs(std::uint64_t bytes) override {
    const UniqueFd context =
        TRY(opened(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), "fsopen tmpfs"));
    const auto set = [&context](const char* key, const std::string& value) {
      return outcome(
          syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0),
          concat("fsconfig ", key, "=", value));
    };
    TRY(set("mode", "0555"));
    TRY(set("size", std::to_string(bytes)));
    TRY(outcome(syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0),
                "fsconfig create"));
    constexpr unsigned kAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    return opened(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, kAttributes),
                  "fsmount tmpfs");
  }

  Status setns_mount(int fd) override {
    return outcome(::setns(fd, CLONE_NEWNS), "setns of the mount namespace");
  }

  Status setfsid(std::uint32_t uid, std::uint32_t gid) override {
    return set_file_identity(uid, gid);
  }

  Result<AttachedPrograms> bpf_prog_query(int cgroup) override { return bpf::query(cgroup); }
  Result<UniqueFd> bpf_prog_get_fd_by_id(std::uint32_t id) override {
    return bpf::program_by_id(id);
  }
  Result<std::vector<Instruction>> bpf_prog_instructions(int program) override {
    return bpf::instructions(program);
  }
  Result<UniqueFd> bpf_prog_load(std::span<const Instruction> program) override {
    return bpf::load(program);
  }
  Status bpf_prog_replace(int cgroup, int program, int replaced, std::uint32_t flags) override {
    return bpf::replace(cgroup, program, replaced, flags);
  }

 private:
  static constexpr int kDetach = 2;    // MNT_DETACH
  static constexpr int kNoFollow = 8;  // UMOUNT_NOFOLLOW
  static constexpr std::uint64_t kPrivate =
      1U << 18U;  // MS_PRIVATE; sys/mount.h and linux/mount.h clash in glibc 2.36
};

}  // namespace

Kernel& linux_kernel() {
  static LinuxKernel kernel;
  return kernel;
}

}  // namespace gpuhook::sys
