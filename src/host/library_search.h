// SPDX-License-Identifier: Apache-2.0
// Where in a driver root the driver's libraries are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpuhook/inventory.h"
#include "sys/rooted_dir.h"

namespace gpuhook::host {

// More entries than any directory of libraries has.
inline constexpr std::size_t kMaxDirectoryEntries = 200'000;

// Everything one search works with.
struct LibrarySearch {
  const sys::RootedDir& root;
  Inventory& inventory;
  std::vector<HostPath> candidates;  // existing library directories, links resolved, best first
  // Those of them that hold libcuda or libnvidia-ml of the wanted version.
  std::vector<HostPath> directories;
};

// Looks in the directories of the loader cache, then in the known layouts. Directories that others
// than root can change become absences.
LibrarySearch find_library_directories(const sys::RootedDir& root, Inventory& inventory);

// Why files of a directory may not go into other people's containers: somebody else than root can
// put some there. Nothing when they may.
std::optional<std::string> untrusted(const sys::RootedDir& root, const HostPath& directory);

// The file that a name leads to, links resolved, if nobody but root could have put it there:
// neither the name nor the file lies in a directory that others can change, nor is the file theirs.
// Errors: kNotFound; kRefused with the reason.
Result<HostPath> trusted_file(const sys::RootedDir& root, std::string_view path);

// "libcuda.so.550.54.15" of "libcuda".
std::string versioned(std::string_view library, const Inventory& inventory);

// The directories for a message; "any known directory of the driver root" when there is none.
std::string list_of(const std::vector<HostPath>& directories);

}  // namespace gpuhook::host
