// SPDX-License-Identifier: Apache-2.0
// Facts about the container that receives the files: they choose between constants and never become
// path text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/values.h"

namespace gpuhook {

// Where the image keeps its 64-bit libraries.
enum class LibraryConvention : std::uint8_t {
  kMultiarch,  // /usr/lib/x86_64-linux-gnu: Debian, Ubuntu, distroless
  kLib64,      // /usr/lib64: Fedora, UBI, SUSE, and images that have none
};

// Where it keeps its 32-bit libraries.
enum class Compat32Convention : std::uint8_t {
  kMultiarch,  // /usr/lib/i386-linux-gnu
  kLib32,      // /usr/lib32: Arch and its relatives
  kLib,        // /usr/lib: Fedora, UBI, SUSE
};

// Which dynamic loader the image has.
enum class Loader : std::uint8_t {
  kGlibc,  // reads /etc/ld.so.cache
  kMusl,   // Alpine: has no cache; glibc programs such as nvidia-smi do not run in it
  kNone,   // static programs only
};

// CUDA libraries of the image in /usr/local/cuda/compat, made for kernel modules older than
// themselves.
struct CudaCompat {
  DriverVersion version;           // of its libcuda
  std::vector<std::string> names;  // files and links there that a loader may ask for, sorted
  // Major versions of the kernel modules that it is declared to work with, from its ELF note; empty
  // without a note (libraries before CUDA 12.5).
  std::vector<std::uint32_t> driver_majors;
  bool operator==(const CudaCompat&) const = default;
};

struct Container {
  LibraryConvention libraries = LibraryConvention::kLib64;
  // Nothing where 32-bit libraries have no place of their own.
  std::optional<Compat32Convention> libraries32 = std::nullopt;
  Loader loader = Loader::kGlibc;
  std::optional<CudaCompat> cuda_compat = std::nullopt;
  bool operator==(const Container&) const = default;
};

std::string_view name_of(LibraryConvention convention);
std::string_view name_of(Compat32Convention convention);
std::string_view name_of(Loader loader);

}  // namespace gpuhook
