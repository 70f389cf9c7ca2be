// SPDX-License-Identifier: Apache-2.0
// A container as a runtime leaves it for its prestart hooks: a waiting process in a mount namespace
// of its own, whose root directory is a mount, with a tmpfs on /dev.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>

#include "fake_host.h"
#include "gpuhook/gpuhook.h"
#include "observe.h"

namespace gpuhook::testing {

// How a container differs from the usual one.
struct Shape {
  bool root_is_mount = true;
  bool dev_is_tmpfs = true;
  bool pivoted = false;         // the process' root directory is the container's already
  bool user_namespace = false;  // of its own, below ours
};

class FakeContainer {
 public:
  explicit FakeContainer(const TempTree& rootfs, const Shape& shape = {});
  FakeContainer(const FakeContainer&) = delete;
  FakeContainer& operator=(const FakeContainer&) = delete;
  ~FakeContainer() { end(); }

  // Runs `action` in the container's mount namespace.
  void inside(const std::function<void()>& action) const;
  void end();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] Target target() const;
  // Where the mount table of the container lists `path`; before pivoting also its name inside().
  [[nodiscard]] std::string mount_point(std::string_view path) const;
  // A path through which this process sees the container's files and mounts.
  [[nodiscard]] std::string seen(std::string_view path) const;
  // The content of a file as the container sees it.
  [[nodiscard]] std::string text(std::string_view path) const;
  [[nodiscard]] std::string mountinfo() const { return mountinfo_of(pid_); }
  // "" when nothing is mounted there.
  [[nodiscard]] std::string mount_options(std::string_view path) const;

 private:
  TempTree rootfs_;
  Shape shape_;
  pid_t pid_ = -1;
};

}  // namespace gpuhook::testing
