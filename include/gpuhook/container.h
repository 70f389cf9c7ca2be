// SPDX-License-Identifier: Apache-2.0
// Facts about the container that receives the files: they choose between constants and never become
// path text.
#pragma once

#include <cstdint>
#include <string_view>

namespace gpuhook {

// Where the image keeps its 64-bit libraries.
enum class LibraryConvention : std::uint8_t {
  kMultiarch,  // /usr/lib/x86_64-linux-gnu: Debian, Ubuntu, distroless
  kLib64,      // /usr/lib64: Fedora, UBI, SUSE, and images that have none
};

// Which dynamic loader the image has.
enum class Loader : std::uint8_t {
  kGlibc,  // reads /etc/ld.so.cache
  kMusl,   // Alpine: has no cache; glibc programs such as nvidia-smi do not run in it
  kNone,   // static programs only
};

struct Container {
  LibraryConvention libraries = LibraryConvention::kLib64;
  Loader loader = Loader::kGlibc;
  bool operator==(const Container&) const = default;
};

std::string_view name_of(LibraryConvention convention);
std::string_view name_of(Loader loader);

}  // namespace gpuhook
