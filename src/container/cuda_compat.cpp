// SPDX-License-Identifier: Apache-2.0
// Reads names, one version and one ELF note.
#include "container/cuda_compat.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/try.h"
#include "formats/cuda_compat_note.h"
#include "formats/elf_facts.h"

namespace gpuhook::container {
namespace {

constexpr std::string_view kDirectory = "/usr/local/cuda/compat";
constexpr std::size_t kMaxEntries = 256;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxNoteBytes = 65536;

// The libraries of the packages "cuda-compat-*". Only these names get into the loader cache.
constexpr std::array<std::string_view, 9> kStems{
    "libcuda",          "libcudadebugger",           "libnvidia-ptxjitcompiler",
    "libnvidia-nvvm",   "libnvidia-nvvm70",          "libnvidia-gpucomp",
    "libnvidia-pkcs11", "libnvidia-pkcs11-openssl3", "libnvidia-tileiras"};

// Nothing, or numbers each behind a dot.
bool is_version(std::string_view suffix) {
  const std::vector<std::string_view> parts = split(suffix, '.');
  return parts.front().empty() &&
         std::all_of(parts.begin() + 1, parts.end(), [](std::string_view part) {
           return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
         });
}

// "libcuda.so", "libcuda.so.1", "libcuda.so.570.86.15".
bool is_library(const sys::DirEntry& entry) {
  const std::string_view name = entry.name;
  const std::size_t end = name.find(".so");
  if (end == std::string_view::npos || name.size() > kMaxNameBytes) return false;
  const bool is_file =
      entry.type == sys::FileType::kRegular || entry.type == sys::FileType::kSymlink;
  return is_file && is_version(name.substr(end + 3)) &&
         std::find(kStems.begin(), kStems.end(), name.substr(0, end)) != kStems.end();
}

// The version in "libcuda.so.570.86.15"; nothing for links like libcuda.so.1.
std::optional<DriverVersion> version_of(const sys::DirEntry& entry) {
  constexpr std::string_view kPrefix = "libcuda.so.";
  if (entry.type != sys::FileType::kRegular || !entry.name.starts_with(kPrefix))
    return std::nullopt;
  const Result<DriverVersion> version =
      DriverVersion::parse(std::string_view(entry.name).substr(kPrefix.size()));
  return version ? std::optional<DriverVersion>(*version) : std::nullopt;
}

// A library without a readable note is one without a note.
std::vector<std::uint32_t> declared_majors(const sys::RootedDir& rootfs, const std::string& path) {
  const auto read = [&]() -> Result<std::vector<std::uint32_t>> {
    const UniqueFd file = TRY(rootfs.open_file(path));
    const std::vector<std::byte> note = TRY(formats::read_elf_section(
        [&file](std::uint64_t offset, std::size_t size) {
          return sys::read_at(file.get(), offset, size);
        },
        formats::kCudaCompatSection, kMaxNoteBytes));
    return formats::parse_cuda_compat_note(note);
  };
  return read().value_or(std::vector<std::uint32_t>());
}

}  // namespace

std::optional<CudaCompat> find_cuda_compat(const sys::RootedDir& rootfs) {
  const Result<std::vector<sys::DirEntry>> entries = rootfs.list(kDirectory, kMaxEntries);
  if (!entries) return std::nullopt;
  CudaCompat found;
  std::string libcuda;
  for (const sys::DirEntry& entry : *entries) {
    if (!is_library(entry)) continue;
    found.names.push_back(entry.name);
    const std::optional<DriverVersion> version = version_of(entry);
    if (!version) continue;
    if (!libcuda.empty()) return std::nullopt;  // which one counts, nobody could tell
    libcuda = entry.name;
    found.version = *version;
  }
  if (libcuda.empty()) return std::nullopt;
  found.driver_majors = declared_majors(rootfs, concat(kDirectory, "/", libcuda));
  return found;
}

}  // namespace gpuhook::container
