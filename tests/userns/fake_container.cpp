// SPDX-License-Identifier: Apache-2.0
// Does in a child process what a container runtime does before it calls hooks.
#include "fake_container.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "base/text.h"
#include "base/unique_fd.h"
#include "namespaces.h"

namespace gpuhook::testing {
namespace {

void write_map(const std::string& path, std::string_view text) {
  std::ofstream file(path);
  file << text << std::flush;
  require(file.good(), path);
}

void enter_own_namespaces(const Shape& shape) {
  require(unshare(CLONE_NEWNS | (shape.user_namespace ? CLONE_NEWUSER : 0)) == 0, "unshare");
  if (!shape.user_namespace) return;
  write_map("/proc/self/setgroups", "deny");
  write_map("/proc/self/uid_map", "0 0 1");
  write_map("/proc/self/gid_map", "0 0 1");
}

void pivot_to(const std::string& rootfs) {
  require(chdir(rootfs.c_str()) == 0, "chdir");
  require(syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
  require(umount2(".", MNT_DETACH) == 0, "umount of the old root");
}

void make_container(const TempTree& rootfs, const Shape& shape) {
  enter_own_namespaces(shape);
  if (shape.root_is_mount) bind_mount(rootfs.root().text(), rootfs.root().text());
  if (shape.dev_is_tmpfs) mount_new("tmpfs", rootfs.host_path("/dev"));
  if (shape.pivoted) pivot_to(rootfs.root().text());
}

void wait_for_the_end() {
  while (true) (void)pause();
}

}  // namespace

FakeContainer::FakeContainer(const TempTree& rootfs, const Shape& shape)
    : rootfs_(rootfs), shape_(shape) {
  std::array<int, 2> ends{};
  require(pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  pid_ = start_child([&] {
    make_container(rootfs, shape);
    require(write(writing.get(), "!", 1) == 1, "write");
    wait_for_the_end();
  });
  writing.reset();
  char ready = 0;
  if (read(reading.get(), &ready, 1) != 1) {
    end();
    throw std::runtime_error("the container did not start");
  }
}

void FakeContainer::end() {
  if (pid_ < 0) return;
  (void)kill(pid_, SIGKILL);  // fails when it has ended already
  (void)waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void FakeContainer::inside(const std::function<void()>& action) const {
  in_child([&] {
    const UniqueFd mounts(open(concat("/proc/", pid_, "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
    require(setns(mounts.get(), CLONE_NEWNS) == 0, "setns");
    action();
  });
}

Target FakeContainer::target() const {
  Result<Target> target = Target::of_process(pid_, rootfs_.root());
  if (!target) throw std::runtime_error(to_line(target.error()));
  return std::move(*target);
}

std::string FakeContainer::mount_point(std::string_view path) const {
  return shape_.pivoted ? std::string(path) : rootfs_.host_path(path);
}

std::string FakeContainer::seen(std::string_view path) const {
  return concat("/proc/", pid_, "/root", mount_point(path));
}

std::string FakeContainer::text(std::string_view path) const { return text_of_file(seen(path)); }

std::string FakeContainer::mount_options(std::string_view path) const {
  const std::optional<MountLine> mount = mount_at(pid_, mount_point(path));
  return mount ? mount->options : "";
}

}  // namespace gpuhook::testing
