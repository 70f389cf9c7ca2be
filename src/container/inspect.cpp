// SPDX-License-Identifier: Apache-2.0
// Facts about an image, read beneath its root.
#include <array>
#include <cerrno>
#include <optional>

#include "base/text.h"
#include "base/try.h"
#include "container/cuda_compat.h"
#include "container/parts.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxPath = 4096;

// Where a path leads, links followed as far as they exist; what comes after is as spelled, with
// "." and ".." folded as runtimes do it.
ContainerPath place_in(const sys::RootedDir& rootfs, std::string_view path) {
  ContainerPath place;
  if (path.size() >= kMaxPath) return place;  // no path at all: counts as above everything
  for (const std::string_view name : split(path, '/')) {
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      place = place.parent();
      continue;
    }
    const ContainerPath next = place / std::string(name);
    const Result<HostPath> real = rootfs.real_path(next.text());
    place = real ? ContainerPath::literal(real->text()) : next;
  }
  return place;
}

void add_if_there(const sys::RootedDir& rootfs, const DeviceNode& node,
                  std::vector<DeviceNumber>& found) {
  const Result<sys::FileStatus> status = rootfs.status(node.path.text());
  if (status && status->type == sys::FileType::kCharacterDevice && status->number == node.number)
    found.push_back(node.number);
}

#if defined(__aarch64__)
constexpr std::string_view kMultiarchDirectory = "/usr/lib/aarch64-linux-gnu";
constexpr std::array<std::string_view, 2> kGlibcLoaders{"/lib/ld-linux-aarch64.so.1",
                                                        "/lib64/ld-linux-aarch64.so.1"};
constexpr std::string_view kMuslLoader = "/lib/ld-musl-aarch64.so.1";
#else
constexpr std::string_view kMultiarchDirectory = "/usr/lib/x86_64-linux-gnu";
constexpr std::array<std::string_view, 2> kGlibcLoaders{"/lib64/ld-linux-x86-64.so.2",
                                                        "/lib/ld-linux-x86-64.so.2"};
constexpr std::string_view kMuslLoader = "/lib/ld-musl-x86_64.so.1";
#endif

// Whether the image has something there, of a type if one is named. An error of the file system is
// no answer: a wrong guess puts the driver where the image's loader does not look.
Result<bool> has(const sys::RootedDir& rootfs, std::string_view path,
                 std::optional<sys::FileType> type) {
  const Result<sys::FileStatus> found = rootfs.status(path);
  if (found) return !type || found->type == *type;
  const int number = found.error().sys_errno;
  if (number == ENOENT || number == ENOTDIR || number == ELOOP || number == EACCES) return false;
  return tl::unexpected<Error>(found.error());
}

// A Debian image without the multiarch directory would be one that has no 64-bit library yet; its
// loader still looks there.
Result<LibraryConvention> convention_of(const sys::RootedDir& rootfs) {
  const bool multiarch = TRY(has(rootfs, "/etc/debian_version", std::nullopt)) ||
                         TRY(has(rootfs, kMultiarchDirectory, sys::FileType::kDirectory));
  return multiarch ? LibraryConvention::kMultiarch : LibraryConvention::kLib64;
}

// Fedora and its relatives keep 32-bit libraries in /usr/lib, which is a place of its own only
// where /usr/lib64 is no link to it.
Result<std::optional<Compat32Convention>> convention32_of(const sys::RootedDir& rootfs,
                                                          LibraryConvention libraries) {
  using Convention = std::optional<Compat32Convention>;
  if (libraries == LibraryConvention::kMultiarch) return Convention(Compat32Convention::kMultiarch);
  if (TRY(has(rootfs, "/usr/lib32", sys::FileType::kDirectory)))
    return Convention(Compat32Convention::kLib32);
  const Result<sys::FileStatus> lib = rootfs.status("/usr/lib");
  const Result<sys::FileStatus> lib64 = rootfs.status("/usr/lib64");
  const bool apart = lib && (!lib64 || !lib->same_inode(*lib64));
  return apart ? Convention(Compat32Convention::kLib) : Convention();
}

Result<Loader> loader_of(const sys::RootedDir& rootfs) {
  for (const std::string_view path : kGlibcLoaders) {
    if (TRY(has(rootfs, path, std::nullopt))) return Loader::kGlibc;
  }
  return TRY(has(rootfs, kMuslLoader, std::nullopt)) ? Loader::kMusl : Loader::kNone;
}

}  // namespace

std::string_view name_of(LibraryConvention convention) {
  return convention == LibraryConvention::kMultiarch ? "multiarch" : "lib64";
}

std::string_view name_of(Compat32Convention convention) {
  constexpr std::array<std::string_view, 3> kNames{"multiarch", "lib32", "lib"};
  return kNames.at(static_cast<std::size_t>(convention));
}

std::string_view name_of(Loader loader) {
  constexpr std::array<std::string_view, 3> kNames{"glibc", "musl", "none"};
  return kNames.at(static_cast<std::size_t>(loader));
}

Result<Container> inspect(const Target& target) {
  const sys::RootedDir& rootfs = target.parts().rootfs;
  Container container;
  container.libraries = TRY(doing("looking at the image", convention_of(rootfs)));
  container.libraries32 =
      TRY(doing("looking at the image", convention32_of(rootfs, container.libraries)));
  container.loader = TRY(doing("looking at the image", loader_of(rootfs)));
  container.cuda_compat = container::find_cuda_compat(rootfs);
  return container;
}

std::vector<DeviceNumber> device_nodes_in(const Target& target, const Inventory& inventory) {
  const sys::RootedDir& rootfs = target.parts().rootfs;
  std::vector<DeviceNumber> found;
  for (const Gpu& gpu : inventory.gpus) {
    add_if_there(rootfs, gpu.node, found);
    for (const MigInstance& mig : gpu.mig) {
      if (mig.gpu_instance_access) add_if_there(rootfs, *mig.gpu_instance_access, found);
      if (mig.compute_instance_access) add_if_there(rootfs, *mig.compute_instance_access, found);
    }
  }
  return found;
}

PlacesInImage places_in(const Target& target, const ContainerSpec& spec,
                        const InjectionPlan& plan) {
  const sys::RootedDir& rootfs = target.parts().rootfs;
  PlacesInImage places;
  for (const SpecMount& mount : spec.mounts)
    places.mounts.push_back(place_in(rootfs, mount.destination));
  for (const PlannedOp& planned : plan.ops) {
    const ContainerPath* const path = target_of(planned.op);
    // The target itself may be a link of the image; what counts is the directory it is made in.
    places.targets.push_back(path == nullptr ? ContainerPath()
                                             : place_in(rootfs, path->parent().text()) /
                                                   std::string(path->name()));
  }
  return places;
}

}  // namespace gpuhook
