// SPDX-License-Identifier: Apache-2.0
// Passes every call on to the running kernel.
#include "failing_kernel.h"

#include <algorithm>
#include <type_traits>

#include "base/text.h"
#include "sys/error.h"

namespace gpuhook::testing {

using sys::linux_kernel;

void FailingKernel::fail(std::string name, std::size_t nth, int error_number) {
  named_failures_.push_back({std::move(name), nth, error_number});
}

void FailingKernel::before(std::string name, std::string path, std::size_t nth,
                           std::function<void()> action) {
  events_.push_back({std::move(name), std::move(path), nth, std::move(action)});
}

std::size_t FailingKernel::count(const std::string& name) const {
  return static_cast<std::size_t>(std::count_if(
      calls_.begin(), calls_.end(), [&name](const Call& call) { return call.name == name; }));
}

std::size_t FailingKernel::first(const std::string& name) const {
  const auto found = std::find_if(calls_.begin(), calls_.end(),
                                  [&name](const Call& call) { return call.name == name; });
  return static_cast<std::size_t>(found - calls_.begin());
}

void FailingKernel::let_events_happen(const Call& call) {
  for (Event& event : events_) {
    const bool meant = event.name == call.name && (event.path.empty() || event.path == call.path);
    if (meant && event.left > 0 && --event.left == 0) event.action();
  }
}

int FailingKernel::planned_failure(const Call& call, std::size_t index) {
  int error_number = 0;
  for (const Failure& failure : failures_) {
    if (failure.index == index) error_number = failure.error_number;
  }
  for (NamedFailure& failure : named_failures_) {
    if (failure.name == call.name && failure.left > 0 && --failure.left == 0)
      error_number = failure.error_number;
  }
  return error_number;
}

template <class Answer>
auto FailingKernel::relay(Call call, Answer answer) -> decltype(answer()) {
  let_events_happen(call);
  const std::size_t index = calls_.size();
  const int error_number = planned_failure(call, index);
  calls_.push_back(std::move(call));
  if (error_number != 0)
    return sys::failed(concat(calls_[index].name, " as the test wants it"), error_number);
  auto result = answer();
  calls_[index].succeeded = result.has_value();
  if constexpr (std::is_same_v<decltype(result), Result<UniqueFd>>) {
    if (result) calls_[index].got = result->get();
  }
  return result;
}

Result<UniqueFd> FailingKernel::openat2(int dir, const std::string& path, const sys::OpenHow& how) {
  return relay({.name = "openat2", .fd = dir, .path = path},
               [&] { return linux_kernel().openat2(dir, path, how); });
}
Result<sys::FileStatus> FailingKernel::statx(int fd) {
  return relay({.name = "statx", .fd = fd}, [&] { return linux_kernel().statx(fd); });
}
Result<std::uint64_t> FailingKernel::fstatfs_type(int fd) {
  return relay({.name = "fstatfs_type", .fd = fd}, [&] { return linux_kernel().fstatfs_type(fd); });
}
Result<sys::MountAttributes> FailingKernel::fstatvfs(int fd) {
  return relay({.name = "fstatvfs", .fd = fd}, [&] { return linux_kernel().fstatvfs(fd); });
}
Result<std::string> FailingKernel::readlinkat(int dir, const std::string& name) {
  return relay({.name = "readlinkat", .fd = dir, .path = name},
               [&] { return linux_kernel().readlinkat(dir, name); });
}
Result<std::vector<std::byte>> FailingKernel::read(int fd, std::size_t limit) {
  return relay({.name = "read", .fd = fd}, [&] { return linux_kernel().read(fd, limit); });
}
Status FailingKernel::mkdirat(int dir, const std::string& name, std::uint32_t mode) {
  return relay({.name = "mkdirat", .fd = dir, .path = name},
               [&] { return linux_kernel().mkdirat(dir, name, mode); });
}
Status FailingKernel::symlinkat(const std::string& text, int dir, const std::string& name) {
  return relay({.name = "symlinkat", .fd = dir, .path = name},
               [&] { return linux_kernel().symlinkat(text, dir, name); });
}
Status FailingKernel::renameat(int dir, const std::string& from, const std::string& to) {
  return relay({.name = "renameat", .fd = dir, .path = to},
               [&] { return linux_kernel().renameat(dir, from, to); });
}
Status FailingKernel::unlinkat(int dir, const std::string& name, bool directory) {
  return relay({.name = "unlinkat", .fd = dir, .path = name},
               [&] { return linux_kernel().unlinkat(dir, name, directory); });
}
Status FailingKernel::write(int fd, std::span<const std::byte> bytes) {
  return relay({.name = "write", .fd = fd}, [&] { return linux_kernel().write(fd, bytes); });
}
Result<UniqueFd> FailingKernel::open_tree(int fd) {
  return relay({.name = "open_tree", .fd = fd}, [&] { return linux_kernel().open_tree(fd); });
}
Status FailingKernel::mount_setattr(int mount, const sys::MountAttributes& attributes) {
  return relay({.name = "mount_setattr", .fd = mount},
               [&] { return linux_kernel().mount_setattr(mount, attributes); });
}
Status FailingKernel::move_mount(int mount, int target) {
  return relay({.name = "move_mount", .fd = mount, .other = target},
               [&] { return linux_kernel().move_mount(mount, target); });
}
Status FailingKernel::umount2(int dir, const std::string& name) {
  return relay({.name = "umount2", .fd = dir, .path = name},
               [&] { return linux_kernel().umount2(dir, name); });
}
Result<UniqueFd> FailingKernel::fsmount_tmpfs(std::uint64_t bytes) {
  return relay({.name = "fsmount_tmpfs"}, [&] { return linux_kernel().fsmount_tmpfs(bytes); });
}
Status FailingKernel::setns_mount(int fd) {
  return relay({.name = "setns_mount", .fd = fd}, [&] { return linux_kernel().setns_mount(fd); });
}
Status FailingKernel::setfsid(std::uint32_t uid, std::uint32_t gid) {
  return relay({.name = "setfsid"}, [&] { return linux_kernel().setfsid(uid, gid); });
}
Result<sys::AttachedPrograms> FailingKernel::bpf_prog_query(int cgroup) {
  return relay({.name = "bpf_prog_query", .fd = cgroup},
               [&] { return linux_kernel().bpf_prog_query(cgroup); });
}
Result<UniqueFd> FailingKernel::bpf_prog_get_fd_by_id(std::uint32_t id) {
  return relay({.name = "bpf_prog_get_fd_by_id"},
               [&] { return linux_kernel().bpf_prog_get_fd_by_id(id); });
}
Result<std::vector<sys::Instruction>> FailingKernel::bpf_prog_instructions(int program) {
  return relay({.name = "bpf_prog_instructions", .fd = program},
               [&] { return linux_kernel().bpf_prog_instructions(program); });
}
Result<UniqueFd> FailingKernel::bpf_prog_load(std::span<const sys::Instruction> program) {
  return relay({.name = "bpf_prog_load"}, [&] { return linux_kernel().bpf_prog_load(program); });
}
Status FailingKernel::bpf_prog_replace(int cgroup, int program, int replaced, std::uint32_t flags) {
  return relay({.name = "bpf_prog_replace", .fd = cgroup},
               [&] { return linux_kernel().bpf_prog_replace(cgroup, program, replaced, flags); });
}

}  // namespace gpuhook::testing
