// SPDX-License-Identifier: Apache-2.0
// Texts of mount points.
#include "apply/stubs.h"

#include <span>

#include "base/try.h"
#include "sys/rooted_dir.h"

namespace gpuhook::apply {
namespace {

// ldconfig passes over linker scripts silently, while it complains about every empty or foreign
// file called lib*.so*, and images made with `docker commit` keep mount points.
constexpr std::string_view kFileStub =
    "/* GNU ld script: mount point of gpu-hook, may be deleted */\n";
// Programs that read a directory of configuration files take an empty one for nothing, and a text
// for nonsense.
constexpr std::string_view kDataStub;

bool is_empty_file(const sys::FileStatus& status, std::uint64_t mount_id) {
  return status.type == sys::FileType::kRegular && status.size == 0 && status.links == 1 &&
         status.mount_id == mount_id;
}

Status fill(sys::Kernel& kernel, int root, std::uint64_t mount_id, const ContainerPath& target) {
  const std::string name(target.relative());
  const UniqueFd seen =
      TRY(kernel.openat2(root, name, {.open = sys::Open::kPath, .resolve = sys::Resolve::kInRoot}));
  if (!is_empty_file(TRY(kernel.statx(seen.get())), mount_id)) return {};
  const UniqueFd file = TRY(
      kernel.openat2(root, name, {.open = sys::Open::kWrite, .resolve = sys::Resolve::kInRoot}));
  if (!is_empty_file(TRY(kernel.statx(file.get())), mount_id)) return {};
  return kernel.write(file.get(), std::as_bytes(std::span(stub_of(target))));
}

}  // namespace

std::string_view stub_of(const ContainerPath& target) {
  const std::string& text = target.text();
  return text.starts_with("/etc/") || text.starts_with("/usr/share/") ? kDataStub : kFileStub;
}

std::string_view socket_stub() { return kFileStub; }

void fill_stubs(const InjectionPlan& plan, const HostPath& rootfs) {
  sys::Kernel& kernel = sys::linux_kernel();
  const Result<sys::RootedDir> root = sys::RootedDir::open(rootfs);
  if (!root) return;
  const Result<sys::FileStatus> top = kernel.statx(root->fd());
  if (!top) return;
  for (const PlannedOp& planned : plan.ops) {
    const auto* const bind = std::get_if<BindFile>(&planned.op);
    if (bind == nullptr || stub_of(bind->target).empty()) continue;
    // A file that is not there, or that cannot be written, is nothing to fail for.
    (void)fill(kernel, root->fd(), top->mount_id, bind->target);
  }
}

}  // namespace gpuhook::apply
