// SPDX-License-Identifier: Apache-2.0
// Being root without being it: a user and a mount namespace that end with the process.
#pragma once

#include <functional>
#include <string>

#include "gpuhook/result.h"

namespace gpuhook::testing {

// While it exists, this process is root in a user namespace and alone in a mount namespace, and
// temporary files lie in a ramfs of that namespace: not a tmpfs, which apply treats as memory of
// the container.
class PrivateNamespaces {
 public:
  // Errors: kSystem when the machine permits no such namespaces.
  static Result<PrivateNamespaces> enter();
  PrivateNamespaces(PrivateNamespaces&& other) noexcept;
  PrivateNamespaces& operator=(PrivateNamespaces&&) = delete;
  ~PrivateNamespaces();

 private:
  explicit PrivateNamespaces(std::string scratch) : scratch_(std::move(scratch)) {}
  std::string scratch_;
};

// Throw std::runtime_error when the kernel refuses.
void require(bool success, const std::string& what);
void bind_mount(const std::string& source, const std::string& target);
void bind_mount_recursively(const std::string& source, const std::string& target);
void mount_new(const std::string& type, const std::string& target);
void change_mount(const std::string& target, unsigned long flags);
void unmount(const std::string& target);

// Runs `action` in a child process and waits for it. Throws when the action threw or the child
// died.
void in_child(const std::function<void()>& action);
// The same, returning at once; wait_for() throws as in_child() does.
pid_t start_child(const std::function<void()>& action);
void wait_for(pid_t child);

}  // namespace gpuhook::testing
