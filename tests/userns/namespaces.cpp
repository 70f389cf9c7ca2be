// SPDX-License-Identifier: Apache-2.0
// unshare(2), mount(2) and fork(2) for tests.
#include "namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "base/text.h"
#include "base/try.h"
#include "base/unique_fd.h"
#include "sys/error.h"

namespace gpuhook::testing {
namespace {

Status write_proc(const std::string& path, const std::string& text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return sys::failed(concat("write ", path), errno);
  return {};
}

Status become_root() {
  const std::string uid_line = concat("0 ", getuid(), " 1");
  const std::string gid_line = concat("0 ", getgid(), " 1");
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return sys::failed("unshare", errno);
  TRY(write_proc("/proc/self/setgroups", "deny"));
  TRY(write_proc("/proc/self/uid_map", uid_line));
  return write_proc("/proc/self/gid_map", gid_line);
}

}  // namespace

Result<PrivateNamespaces> PrivateNamespaces::enter() {
  TRY(become_root());
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return sys::failed("mount --make-rprivate /", errno);
  std::string scratch = (std::filesystem::temp_directory_path() / "gpuhook-XXXXXX").string();
  if (mkdtemp(scratch.data()) == nullptr) return sys::failed(concat("mkdtemp ", scratch), errno);
  PrivateNamespaces entered(scratch);
  if (mount("scratch", scratch.c_str(), "ramfs", 0, "mode=0755") != 0)
    return sys::failed(concat("mount of a ramfs on ", scratch), errno);
  if (setenv("TMPDIR", scratch.c_str(), 1) != 0) return sys::failed("setenv", errno);
  return entered;
}

PrivateNamespaces::PrivateNamespaces(PrivateNamespaces&& other) noexcept
    : scratch_(std::exchange(other.scratch_, "")) {}

PrivateNamespaces::~PrivateNamespaces() {
  if (scratch_.empty()) return;
  (void)umount2(scratch_.c_str(), MNT_DETACH);  // never mounted when entering failed
  (void)rmdir(scratch_.c_str());
}

void require(bool success, const std::string& what) {
  if (!success) throw std::runtime_error(concat(what, ": ", std::strerror(errno)));
}

void bind_mount(const std::string& source, const std::string& target) {
  require(mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) == 0,
          concat("bind ", source, " on ", target));
}

void bind_mount_recursively(const std::string& source, const std::string& target) {
  require(mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0,
          concat("rbind ", source, " on ", target));
}

void mount_new(const std::string& type, const std::string& target) {
  require(mount(type.c_str(), target.c_str(), type.c_str(), 0, "mode=0755") == 0,
          concat("mount of ", type, " on ", target));
}

void change_mount(const std::string& target, unsigned long flags) {
  require(mount(nullptr, target.c_str(), nullptr, flags, nullptr) == 0,
          concat("change of mount ", target));
}

void unmount(const std::string& target) {
  require(umount2(target.c_str(), MNT_DETACH) == 0, concat("umount ", target));
}

pid_t start_child(const std::function<void()>& action) {
  std::cout.flush();
  const pid_t child = fork();
  require(child >= 0, "fork");
  if (child > 0) return child;
  int status = 1;
  try {
    require(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
    action();
    status = 0;
  } catch (const std::exception& error) {
    std::cerr << "child: " << error.what() << '\n';
  }
  _exit(status);
}

void wait_for(pid_t child) {
  int status = 0;
  pid_t ended = -1;
  do {
    ended = waitpid(child, &status, 0);
  } while (ended < 0 && errno == EINTR);
  require(ended == child, "waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(concat("child process failed, status ", status));
}

void in_child(const std::function<void()>& action) { wait_for(start_child(action)); }

}  // namespace gpuhook::testing
