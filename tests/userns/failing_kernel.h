// SPDX-License-Identifier: Apache-2.0
// The running kernel with a witness: writes down every call, can refuse one, and can let something
// happen just before one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sys/kernel.h"

namespace gpuhook::testing {

struct Call {
  std::string name;    // of the Kernel function
  int fd = -1;         // its first descriptor
  std::string path{};  // or name, where there is one; the new one of renameat
  int other = -1;      // move_mount: the target
  int got = -1;        // the descriptor that came out
  bool succeeded = false;
};

class FailingKernel final : public sys::Kernel {
 public:
  // Fails the call with this number, counted from 0.
  void fail_call(std::size_t index, int error_number) {
    failures_.push_back({index, error_number});
  }
  // Fails the `nth` call of the function, counted from 1.
  void fail(std::string name, std::size_t nth, int error_number);
  // Lets `action` happen before the `nth` call of the function with that path ("": any path).
  void before(std::string name, std::string path, std::size_t nth, std::function<void()> action);

  [[nodiscard]] const std::vector<Call>& calls() const { return calls_; }
  [[nodiscard]] std::size_t count(const std::string& name) const;
  // Position of the first call of a function; the number of calls when there is none.
  [[nodiscard]] std::size_t first(const std::string& name) const;

  Result<UniqueFd> openat2(int dir, const std::string& path, const sys::OpenHow& how) override;
  Result<sys::FileStatus> statx(int fd) override;
  Result<std::uint64_t> fstatfs_type(int fd) override;
  Result<sys::MountAttributes> fstatvfs(int fd) override;
  Result<std::string> readlinkat(int dir, const std::string& name) override;
  Result<std::vector<std::byte>> read(int fd, std::size_t limit) override;
  Status mkdirat(int dir, const std::string& name, std::uint32_t mode) override;
  Status symlinkat(const std::string& text, int dir, const std::string& name) override;
  Status renameat(int dir, const std::string& from, const std::string& to) override;
  Status unlinkat(int dir, const std::string& name, bool directory) override;
  Status write(int fd, std::span<const std::byte> bytes) override;
  Result<UniqueFd> open_tree(int fd) override;
  Status mount_setattr(int mount, const sys::MountAttributes& attributes) override;
  Status move_mount(int mount, int target) override;
  Status umount2(int dir, const std::string& name) override;
  Result<UniqueFd> fsmount_tmpfs(std::uint64_t bytes) override;
  Status setns_mount(int fd) override;
  Status setfsid(std::uint32_t uid, std::uint32_t gid) override;
  Result<sys::AttachedPrograms> bpf_prog_query(int cgroup) override;
  Result<UniqueFd> bpf_prog_get_fd_by_id(std::uint32_t id) override;
  Result<std::vector<sys::Instruction>> bpf_prog_instructions(int program) override;
  Result<UniqueFd> bpf_prog_load(std::span<const sys::Instruction> program) override;
  Status bpf_prog_replace(int cgroup, int program, int replaced, std::uint32_t flags) override;

 private:
  struct Failure {
    std::size_t index = 0;
    int error_number = 0;
  };
  struct NamedFailure {
    std::string name;
    std::size_t left = 0;
    int error_number = 0;
  };
  struct Event {
    std::string name;
    std::string path;
    std::size_t left = 0;
    std::function<void()> action;
  };

  template <class Answer>
  auto relay(Call call, Answer answer) -> decltype(answer());
  void let_events_happen(const Call& call);
  int planned_failure(const Call& call, std::size_t index);

  std::vector<Call> calls_;
  std::vector<Failure> failures_;
  std::vector<NamedFailure> named_failures_;
  std::vector<Event> events_;
};

}  // namespace gpuhook::testing
