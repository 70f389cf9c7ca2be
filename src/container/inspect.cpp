// SPDX-License-Identifier: Apache-2.0
// Facts about an image, read beneath its root.
#include <array>

#include "container/parts.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook {
namespace {

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

// A Debian image without the multiarch directory would be one that has no 64-bit library yet; its
// loader still looks there.
LibraryConvention convention_of(const sys::RootedDir& rootfs) {
  const bool multiarch =
      rootfs.exists("/etc/debian_version") || rootfs.is_directory(kMultiarchDirectory);
  return multiarch ? LibraryConvention::kMultiarch : LibraryConvention::kLib64;
}

Loader loader_of(const sys::RootedDir& rootfs) {
  for (const std::string_view path : kGlibcLoaders) {
    if (rootfs.exists(path)) return Loader::kGlibc;
  }
  return rootfs.exists(kMuslLoader) ? Loader::kMusl : Loader::kNone;
}

}  // namespace

std::string_view name_of(LibraryConvention convention) {
  return convention == LibraryConvention::kMultiarch ? "multiarch" : "lib64";
}

std::string_view name_of(Loader loader) {
  constexpr std::array<std::string_view, 3> kNames{"glibc", "musl", "none"};
  return kNames.at(static_cast<std::size_t>(loader));
}

Result<Container> inspect(const Target& target) {
  const sys::RootedDir& rootfs = target.parts().rootfs;
  return Container{.libraries = convention_of(rootfs), .loader = loader_of(rootfs)};
}

}  // namespace gpuhook
