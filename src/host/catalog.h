// SPDX-License-Identifier: Apache-2.0
// Which files make up a driver and which capability each belongs to. To support a new driver file,
// add its row here.
#pragma once

#include <span>
#include <string_view>

#include "gpuhook/values.h"

namespace gpuhook::host {

struct CatalogEntry {
  std::string_view name;  // libraries without ".so.<version>"
  CapabilitySet capabilities;
};

std::span<const CatalogEntry> known_libraries();
std::span<const CatalogEntry> known_programs();

// The capabilities of a library of the driver's version; empty for one the catalog does not know.
CapabilitySet capabilities_of_library(std::string_view name);

// Directories, inside a driver root, where some distribution keeps the driver's libraries.
std::span<const std::string_view> library_directories();
// Where some distribution keeps the driver's programs, best first.
std::span<const std::string_view> program_directories();

}  // namespace gpuhook::host
