// SPDX-License-Identifier: Apache-2.0
// Every kernel call that can change a container, as an interface: apply runs against the real one
// or a scripted one.
//
// Functions are named after their calls, take the fd first and the path second, retry EINTR, always
// set close-on-exec and interpret nothing. ENOSYS becomes kUnsupported with the kernel version that
// is needed; every other errno is kSystem.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "gpuhook/values.h"

namespace gpuhook::sys {

enum class FileType : std::uint8_t {
  kRegular,
  kDirectory,
  kSymlink,
  kCharacterDevice,
  kSocket,
  kOther
};

// What statx says about an inode and the mount it was reached through.
struct FileStatus {
  FileType type = FileType::kOther;
  std::uint64_t device = 0;  // of the file system, as one number
  DeviceNumber file_system;  // the same, as mountinfo has it
  std::uint64_t inode = 0;
  DeviceNumber number;  // of a device node
  std::uint64_t size = 0;
  std::uint32_t links = 1;  // names of the inode
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t permissions = 0;  // mode without the type: 0755
  bool group_writable = false;
  bool world_writable = false;
  std::uint64_t mount_id = 0;  // column 1 of mountinfo
  bool mount_root = false;     // the inode is the root of its mount
  bool operator==(const FileStatus&) const = default;
  [[nodiscard]] bool same_inode(const FileStatus& other) const {
    return device == other.device && inode == other.inode;
  }
};

// What an opened file is for. Nothing blocks, nothing becomes a controlling terminal, everything is
// close-on-exec.
enum class Open : std::uint8_t {
  kPath,       // to be looked at or mounted, neither read nor written (O_PATH)
  kDirectory,  // the same for a directory
  kRead,
  kReadDirectory,
  kWrite,
  kCreate,  // a new regular file for writing; an existing name is an error
};

// Where a lookup may lead. Everything but kHost is confined by the kernel itself (openat2(2)).
enum class Resolve : std::uint8_t {
  kHost,         // anywhere, as open(2) does: for paths that the host alone controls
  kNoMagic,      // the same, but not through links like /proc/<pid>/root
  kInRoot,       // as if the directory were "/": links and ".." stay inside
  kInRootPlain,  // the same, refusing every link
  kEntry,        // below the directory; a link as the last component is found itself
  kPlain,        // below the directory, refusing every link
  kSameMount,    // the same, refusing also to cross into another mount
};

struct OpenHow {
  Open open = Open::kPath;
  Resolve resolve = Resolve::kPlain;
  std::uint32_t mode = 0;  // of a new file
};

// In place of a directory, for absolute paths of the host.
inline constexpr int kNoDirectory = -100;  // AT_FDCWD

// Types of file systems (linux/magic.h).
inline constexpr std::uint64_t kTmpfs = 0x01021994;
inline constexpr std::uint64_t kCgroup = 0x0027e0eb;
inline constexpr std::uint64_t kCgroup2 = 0x63677270;

// Attributes of a detached mount; private propagation always goes with them.
struct MountAttributes {
  bool read_only = true;
  bool no_suid = true;
  bool no_device = true;
  bool no_exec = true;
};

// A device program attached to a cgroup of version 2.
struct AttachedPrograms {
  std::vector<std::uint32_t> ids;
  std::uint32_t flags = 0;  // BPF_F_ALLOW_OVERRIDE, BPF_F_ALLOW_MULTI or 0, as attached
};

struct Instruction {  // struct bpf_insn, byte for byte
  std::uint64_t raw = 0;
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual Result<UniqueFd> openat2(int dir, const std::string& path, const OpenHow& how) = 0;
  virtual Result<FileStatus> statx(int fd) = 0;
  virtual Result<std::uint64_t> fstatfs_type(int fd) = 0;
  // Whether the mount that `fd` was reached through is read-only and ignores set-user-id bits.
  virtual Result<MountAttributes> fstatvfs(int fd) = 0;
  virtual Result<std::string> readlinkat(int dir, const std::string& name) = 0;
  virtual Result<std::vector<std::byte>> read(int fd, std::size_t limit) = 0;

  virtual Status mkdirat(int dir, const std::string& name, std::uint32_t mode) = 0;
  virtual Status symlinkat(const std::string& text, int dir, const std::string& name) = 0;
  virtual Status renameat(int dir, const std::string& from, const std::string& to) = 0;
  virtual Status unlinkat(int dir, const std::string& name, bool directory) = 0;
  virtual Status write(int fd, std::span<const std::byte> bytes) = 0;

  virtual Result<UniqueFd> open_tree(int fd) = 0;  // a detached, non-recursive clone
  virtual Status mount_setattr(int mount, const MountAttributes& attributes) = 0;
  virtual Status move_mount(int mount, int target) = 0;
  // Takes away the topmost mount at a name, when its last user has gone. Changes the current
  // directory.
  virtual Status umount2(int dir, const std::string& name) = 0;
  // A detached tmpfs of at most `bytes`, mode 0555, owned by the given ids.
  virtual Result<UniqueFd> fsmount_tmpfs(std::uint64_t bytes) = 0;
  virtual Status setns_mount(int fd) = 0;
  // File accesses happen as this user and group from now on; capabilities stay.
  virtual Status setfsid(std::uint32_t uid, std::uint32_t gid) = 0;

  virtual Result<AttachedPrograms> bpf_prog_query(int cgroup) = 0;
  virtual Result<UniqueFd> bpf_prog_get_fd_by_id(std::uint32_t id) = 0;
  // Errors: kRefused when the kernel does not show the text or the program has maps.
  virtual Result<std::vector<Instruction>> bpf_prog_instructions(int program) = 0;
  virtual Result<UniqueFd> bpf_prog_load(std::span<const Instruction> program) = 0;
  // Puts `program` in the place of `replaced`, atomically.
  virtual Status bpf_prog_replace(int cgroup, int program, int replaced, std::uint32_t flags) = 0;
};

// The running kernel.
Kernel& linux_kernel();

}  // namespace gpuhook::sys
