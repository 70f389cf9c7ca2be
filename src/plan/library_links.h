// SPDX-License-Identifier: Apache-2.0
// The libraries of a plan with their places and their further names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/rules.h"

namespace gpuhook::plan {

struct PlacedLibrary {
  const DriverFile* file = nullptr;  // in the inventory
  ContainerPath directory;
};

// The libraries that the request brings in, in the inventory's order; 32-bit ones only where the
// container has a place for them.
std::vector<PlacedLibrary> placed_libraries(const Request& request, const Inventory& inventory,
                                            const Container& container);

struct LibraryLink {
  std::string name;       // beside the library
  std::string points_to;  // a name beside it
};

// libcuda.so.550.54.15 with SONAME libcuda.so.1: libcuda.so.1 -> libcuda.so.550.54.15 and
// libcuda.so -> libcuda.so.1.
std::vector<LibraryLink> links_of(const DriverFile& file);

// Without these two nothing works; all other files serve one purpose each.
bool is_indispensable(const DriverFile& file);

}  // namespace gpuhook::plan
