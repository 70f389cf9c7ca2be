// SPDX-License-Identifier: Apache-2.0
// Where driver files go in a container, and the names under which its loader finds them.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "plan/library_links.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

#if defined(__aarch64__)
constexpr std::string_view kMultiarchDirectory = "/usr/lib/aarch64-linux-gnu";
constexpr std::string_view kMultiarch32Directory = "/usr/lib/arm-linux-gnueabihf";
#else
constexpr std::string_view kMultiarchDirectory = "/usr/lib/x86_64-linux-gnu";
constexpr std::string_view kMultiarch32Directory = "/usr/lib/i386-linux-gnu";
#endif

std::string reason_of(const DriverFile& file, const Inventory& inventory) {
  const std::string purpose = file.capabilities.empty() ? "all" : file.capabilities.text();
  return concat(file.compat32 ? "32-bit " : "", name_of(file.kind), " of driver ",
                inventory.driver.text(), ", for ", purpose);
}

// Where a file that is no library goes.
Op bind_of(const DriverFile& file, const Inventory& inventory, const Container& container) {
  switch (file.kind) {
    case DriverFileKind::kFirmware:
      return BindFile{file.path, firmware_directory(inventory.driver) / file.soname};
    case DriverFileKind::kSocket:
      return BindSocket{file.path, ContainerPath::literal(file.path.text())};
    case DriverFileKind::kData:
      return BindFile{file.path, ContainerPath::literal(file.soname)};
    case DriverFileKind::kXorgModule:
      return BindFile{file.path, xorg_directory(container) / file.soname};
    case DriverFileKind::kProgram:
    case DriverFileKind::kLibrary:
      break;
  }
  return BindFile{file.path, program_directory() / file.soname};
}

Necessity necessity_of(const DriverFile& file) {
  return is_indispensable(file) ? Necessity::kRequired : Necessity::kOptional;
}

// A link in a directory of its own, which leads to a library one directory up.
void add_gbm_link(std::vector<PlannedOp>& ops, const PlacedLibrary& library) {
  ops.push_back({MakeLink{library.directory / "gbm/nvidia-drm_gbm.so",
                          concat("../", library.file->soname), library.file->path},
                 Necessity::kOptional, "name under which GBM opens its backend"});
}

// X servers name their modules without a version.
void add_xorg_links(std::vector<PlannedOp>& ops, const Request& request, const Inventory& inventory,
                    const Container& container) {
  for (const DriverFile& file : inventory.files) {
    if (file.kind != DriverFileKind::kXorgModule || !wanted(file, request)) continue;
    const ContainerPath target = xorg_directory(container) / file.soname;
    const std::string name = concat(library_stem(target.name()), ".so");
    if (name == target.name()) continue;
    ops.push_back({MakeLink{target.parent() / name, std::string(target.name()), file.path},
                   Necessity::kOptional, "name under which X servers open the module"});
  }
}

}  // namespace

std::string_view library_stem(std::string_view file_name) {
  return file_name.substr(0, std::min(file_name.find(".so"), file_name.size()));
}

bool is_indispensable(const DriverFile& file) {
  const std::string_view stem = library_stem(file.path.name());
  return file.kind == DriverFileKind::kLibrary && !file.compat32 &&
         (stem == "libcuda" || stem == "libnvidia-ml");
}

ContainerPath library_directory(const Container& container) {
  return ContainerPath::literal(
      container.libraries == LibraryConvention::kMultiarch ? kMultiarchDirectory : "/usr/lib64");
}

std::optional<ContainerPath> library32_directory(const Container& container) {
  // musl would offer them to 64-bit programs as well.
  if (!container.libraries32 || container.loader == Loader::kMusl) return std::nullopt;
  switch (*container.libraries32) {
    case Compat32Convention::kMultiarch:
      return ContainerPath::literal(kMultiarch32Directory);
    case Compat32Convention::kLib32:
      return ContainerPath::literal("/usr/lib32");
    case Compat32Convention::kLib:
      break;
  }
  return ContainerPath::literal("/usr/lib");
}

ContainerPath xorg_directory(const Container& container) {
  return ContainerPath::literal(container.libraries == LibraryConvention::kMultiarch
                                    ? "/usr/lib/xorg/modules"
                                    : "/usr/lib64/xorg/modules");
}

ContainerPath program_directory() { return ContainerPath::literal("/usr/bin"); }
ContainerPath firmware_directory(const DriverVersion& driver) {
  return ContainerPath::literal(concat("/lib/firmware/nvidia/", driver.text()));
}
ContainerPath loader_cache() { return ContainerPath::literal("/etc/ld.so.cache"); }

bool wanted(const DriverFile& file, const Request& request) {
  if (file.compat32 && !request.capabilities.contains(Capability::kCompat32)) return false;
  if (file.capabilities.empty())
    return request.everything || request.capabilities == CapabilitySet::all();
  return request.capabilities.intersects(file.capabilities);
}

std::vector<PlacedLibrary> placed_libraries(const Request& request, const Inventory& inventory,
                                            const Container& container) {
  const ContainerPath directory = library_directory(container);
  const std::optional<ContainerPath> directory32 = library32_directory(container);
  std::vector<PlacedLibrary> libraries;
  for (const DriverFile& file : inventory.files) {
    if (file.kind != DriverFileKind::kLibrary || !wanted(file, request)) continue;
    if (file.compat32 && !directory32) continue;
    libraries.push_back({.file = &file, .directory = file.compat32 ? *directory32 : directory});
  }
  return libraries;
}

std::vector<LibraryLink> links_of(const DriverFile& file) {
  std::vector<LibraryLink> links;
  const std::string name(file.path.name());
  if (file.soname != name) links.push_back({.name = file.soname, .points_to = name});
  const std::string stem(library_stem(name));
  // Programs built against the driver's stub, and ctypes users, open these without a version.
  const bool usual =
      stem == "libcuda" || stem == "libnvidia-opticalflow" || stem == "libnvidia-vulkan-producer";
  const std::string development = stem + ".so";
  if ((file.development_link || usual) && development != name && development != file.soname) {
    links.push_back({.name = development, .points_to = file.soname});
  }
  // GLX asks this one when the X server names no vendor.
  if (stem == "libGLX_nvidia") links.push_back({.name = "libGLX_indirect.so.0", .points_to = name});
  return links;
}

std::vector<PlannedOp> file_ops(const Request& request, const Inventory& inventory,
                                const Container& container) {
  std::vector<PlannedOp> ops;
  for (const PlacedLibrary& library : placed_libraries(request, inventory, container)) {
    const DriverFile& file = *library.file;
    ops.push_back({BindFile{file.path, library.directory / file.path.name()}, necessity_of(file),
                   reason_of(file, inventory)});
  }
  for (const DriverFile& file : inventory.files) {
    if (file.kind == DriverFileKind::kLibrary || !wanted(file, request)) continue;
    ops.push_back(
        {bind_of(file, inventory, container), Necessity::kOptional, reason_of(file, inventory)});
  }
  return ops;
}

std::vector<PlannedOp> link_ops(const Request& request, const Inventory& inventory,
                                const Container& container) {
  std::vector<PlannedOp> ops;
  const std::vector<PlacedLibrary> libraries = placed_libraries(request, inventory, container);
  // Two libraries may claim one SONAME: the first has it. File names are taken by the files.
  std::set<ContainerPath> taken;
  for (const PlacedLibrary& library : libraries)
    taken.insert(library.directory / library.file->path.name());
  for (const PlacedLibrary& library : libraries) {
    const DriverFile& file = *library.file;
    for (const LibraryLink& link : links_of(file)) {
      const ContainerPath target = library.directory / link.name;
      if (!taken.insert(target).second) continue;
      ops.push_back({MakeLink{target, link.points_to, file.path}, necessity_of(file),
                     concat("name under which programs open ", file.path.name())});
    }
    if (wants_graphics(request) && library_stem(file.path.name()) == "libnvidia-allocator")
      add_gbm_link(ops, library);
  }
  add_xorg_links(ops, request, inventory, container);
  return ops;
}

}  // namespace gpuhook::plan
