// SPDX-License-Identifier: Apache-2.0
// Which files make up a driver and which capability each belongs to. To support a new driver file,
// add its row here.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "gpuhook/values.h"

namespace gpuhook::host {

struct CatalogEntry {
  std::string_view name;  // libraries without ".so.<version>"
  CapabilitySet capabilities;
};

// Libraries called NAME.so.<driver version>.
std::span<const CatalogEntry> known_libraries();
// Libraries called NAME.so.<a version of their own>, which come with the driver all the same.
std::span<const CatalogEntry> independent_libraries();
std::span<const CatalogEntry> known_programs();

// The capabilities of a library of the driver's version; empty for one the catalog does not know.
CapabilitySet capabilities_of_library(std::string_view name);

// A file that libraries and loaders read at a fixed place.
struct DataFile {
  std::string_view name;    // below one of data_directories(), "%" standing for the driver version
  std::string_view target;  // where containers look for it
  CapabilitySet capabilities;
};
std::span<const DataFile> known_data();
// Directories with data files, best first.
std::span<const std::string_view> data_directories();

// A module of the X server.
struct XorgModule {
  std::string_view name;       // "%" standing for the driver version
  std::string_view directory;  // below a module directory: "drivers", "extensions"
};
std::span<const XorgModule> known_xorg_modules();
// Module directories of X servers, and directories where distributions keep the driver's modules.
std::span<const std::string_view> xorg_directories();

// A file that comes with drivers and that no container gets.
struct LeftOut {
  std::string_view name;  // library stem, program, or file or directory below a data directory
  std::string_view reason;
};
std::span<const LeftOut> left_out_libraries();
std::span<const LeftOut> left_out_programs();
std::span<const LeftOut> left_out_data();

// Directories, inside a driver root, where some distribution keeps the driver's libraries.
std::span<const std::string_view> library_directories();
// Where some distribution keeps the driver's programs, best first.
std::span<const std::string_view> program_directories();

}  // namespace gpuhook::host
