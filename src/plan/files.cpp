// SPDX-License-Identifier: Apache-2.0
// Where driver files go in a container, and the names under which its loader finds them.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

#if defined(__aarch64__)
constexpr std::string_view kMultiarchDirectory = "/usr/lib/aarch64-linux-gnu";
#else
constexpr std::string_view kMultiarchDirectory = "/usr/lib/x86_64-linux-gnu";
#endif

// Without these two nothing works; all other files serve one purpose each.
bool is_indispensable(const DriverFile& file) {
  const std::string_view stem = library_stem(file.path.name());
  return file.kind == DriverFileKind::kLibrary && (stem == "libcuda" || stem == "libnvidia-ml");
}

std::string reason_of(const DriverFile& file, const Inventory& inventory) {
  const std::string purpose = file.capabilities.empty() ? "all" : file.capabilities.text();
  return concat(name_of(file.kind), " of driver ", inventory.driver.text(), ", for ", purpose);
}

Op bind_of(const DriverFile& file, const Inventory& inventory, const Container& container) {
  switch (file.kind) {
    case DriverFileKind::kProgram:
      return BindFile{file.path, program_directory() / file.soname};
    case DriverFileKind::kFirmware:
      return BindFile{file.path, firmware_directory(inventory.driver) / file.soname};
    case DriverFileKind::kSocket:
      return BindSocket{file.path, ContainerPath::literal(file.path.text())};
    case DriverFileKind::kLibrary:
      break;
  }
  return BindFile{file.path, library_directory(container.libraries) / file.path.name()};
}

struct Link {
  std::string name;
  std::string points_to;
};

// libcuda.so.550.54.15 with SONAME libcuda.so.1: libcuda.so.1 -> libcuda.so.550.54.15 and
// libcuda.so -> libcuda.so.1.
std::vector<Link> links_of(const DriverFile& file) {
  std::vector<Link> links;
  const std::string name(file.path.name());
  if (file.soname != name) links.push_back({.name = file.soname, .points_to = name});
  const std::string stem(library_stem(name));
  // Programs built against the driver's stub, and ctypes users, open these two without a version.
  const bool usual = stem == "libcuda" || stem == "libnvidia-opticalflow";
  const std::string development = stem + ".so";
  if ((file.development_link || usual) && development != name && development != file.soname) {
    links.push_back({.name = development, .points_to = file.soname});
  }
  return links;
}

std::vector<const DriverFile*> wanted_libraries(const Request& request,
                                                const Inventory& inventory) {
  std::vector<const DriverFile*> libraries;
  for (const DriverFile& file : inventory.files) {
    if (file.kind == DriverFileKind::kLibrary && wanted(file, request)) libraries.push_back(&file);
  }
  return libraries;
}

}  // namespace

std::string_view library_stem(std::string_view file_name) {
  return file_name.substr(0, std::min(file_name.find(".so"), file_name.size()));
}

ContainerPath library_directory(LibraryConvention convention) {
  return ContainerPath::literal(convention == LibraryConvention::kMultiarch ? kMultiarchDirectory
                                                                            : "/usr/lib64");
}
ContainerPath program_directory() { return ContainerPath::literal("/usr/bin"); }
ContainerPath firmware_directory(const DriverVersion& driver) {
  return ContainerPath::literal(concat("/lib/firmware/nvidia/", driver.text()));
}
ContainerPath loader_cache() { return ContainerPath::literal("/etc/ld.so.cache"); }

bool wanted(const DriverFile& file, const Request& request) {
  if (file.capabilities.empty()) return request.capabilities == CapabilitySet::all();
  return request.capabilities.intersects(file.capabilities);
}

std::vector<PlannedOp> file_ops(const Request& request, const Inventory& inventory,
                                const Container& container) {
  std::vector<PlannedOp> ops;
  for (const DriverFile& file : inventory.files) {
    if (!wanted(file, request)) continue;
    const Necessity necessity =
        is_indispensable(file) ? Necessity::kRequired : Necessity::kOptional;
    ops.push_back({bind_of(file, inventory, container), necessity, reason_of(file, inventory)});
  }
  return ops;
}

std::vector<PlannedOp> link_ops(const Request& request, const Inventory& inventory,
                                const Container& container) {
  const ContainerPath directory = library_directory(container.libraries);
  std::vector<PlannedOp> ops;
  const std::vector<const DriverFile*> libraries = wanted_libraries(request, inventory);
  // Two libraries may claim one SONAME: the first has it. File names are taken by the files.
  std::set<std::string, std::less<>> names;
  for (const DriverFile* const file : libraries) names.emplace(file->path.name());
  for (const DriverFile* const file : libraries) {
    for (const Link& link : links_of(*file)) {
      if (!names.insert(link.name).second) continue;
      ops.push_back({MakeLink{directory / link.name, link.points_to, file->path},
                     is_indispensable(*file) ? Necessity::kRequired : Necessity::kOptional,
                     concat("name under which programs open ", file->path.name())});
    }
  }
  return ops;
}

std::vector<PlannedOp> loader_ops(const Request& request, const Inventory& inventory,
                                  const Container& container) {
  if (container.loader != Loader::kGlibc) return {};
  const ContainerPath directory = library_directory(container.libraries);
  UpdateLoaderCache update{.target = loader_cache(), .entries = {}};
  for (const DriverFile* const file : wanted_libraries(request, inventory)) {
    const std::vector<Link> links = links_of(*file);
    for (const Link& link : links)
      update.entries.push_back({.soname = link.name, .path = directory / link.name});
    if (file->soname == file->path.name())
      update.entries.push_back({.soname = file->soname, .path = directory / file->soname});
  }
  if (update.entries.empty()) return {};
  return {{std::move(update), Necessity::kOptional,
           "lets the image's loader find the libraries above"}};
}

}  // namespace gpuhook::plan
