// SPDX-License-Identifier: Apache-2.0
// What lies around the libraries: programs, data, modules of the X server, firmware, daemons.
#include "host/driver_files.h"

#include <elf.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/try.h"
#include "formats/elf_facts.h"
#include "host/catalog.h"
#include "host/driver_libraries.h"
#include "host/library_search.h"

namespace gpuhook::host {
namespace {

using Places = std::vector<std::string>;

void note_absence(const LibrarySearch& search, std::string_view what, std::string reason) {
  search.inventory.absences.push_back({.what = std::string(what), .reason = std::move(reason)});
}

// "%" in names of the catalog stands for the driver version.
std::string expanded(std::string_view name, const Inventory& inventory) {
  const std::size_t mark = name.find('%');
  if (mark == std::string_view::npos) return std::string(name);
  return concat(name.substr(0, mark), inventory.driver.text(), name.substr(mark + 1));
}

// Debian keeps programs and modules of several drivers apart in /usr/lib/nvidia/NAME, as their
// libraries in /usr/lib/<triplet>/nvidia/NAME.
Places alternatives(const LibrarySearch& search) {
  Places places;
  for (const HostPath& directory : search.directories) {
    if (directory.parent().name() == "nvidia")
      places.push_back(concat("/usr/lib/nvidia/", directory.name()));
  }
  return places;
}

// Directories of programs: beside the libraries (…/lib64 and …/bin), then the usual ones.
Places program_places(const LibrarySearch& search) {
  Places places;
  for (const HostPath& directory : search.directories) {
    places.push_back((directory.parent() / "bin").text());
    places.push_back((directory.parent().parent() / "bin").text());
  }
  for (std::string& directory : alternatives(search)) places.push_back(std::move(directory));
  for (const std::string_view directory : program_directories()) places.emplace_back(directory);
  return places;
}

// Why the file is no 64-bit program of this machine; nothing when it is.
std::optional<std::string> unfit(const Result<formats::ElfFacts>& facts) {
  if (!facts) return to_line(facts.error());
  if (facts->type != ET_DYN && facts->type != ET_EXEC) return "not a library or program";
  if (facts->elf_class != formats::ElfClass::k64 || facts->machine != formats::native_machine())
    return "built for another machine";
  return std::nullopt;
}

// What a name leads to. One that leads to nothing is passed over, one that others than root could
// have made is told.
std::optional<HostPath> usable_file(const LibrarySearch& search, const std::string& path) {
  const Result<HostPath> real = trusted_file(search.root, path);
  if (real) return *real;
  if (real.error().kind == ErrorKind::kRefused) note_absence(search, path, real.error().what);
  return std::nullopt;
}

// The first ELF file of that name: some hosts have a shell wrapper in /usr/bin and the program
// elsewhere.
void add_program(const LibrarySearch& search, const CatalogEntry& entry, const Places& places) {
  for (const std::string& place : places) {
    const std::string path = concat(place, "/", entry.name);
    const std::optional<HostPath> real = usable_file(search, path);
    if (!real) continue;
    if (auto reason = unfit(elf_facts(search.root, *real))) {
      note_absence(search, path, std::move(*reason));
      continue;
    }
    search.inventory.files.push_back({.kind = DriverFileKind::kProgram,
                                      .path = *real,
                                      .soname = std::string(entry.name),
                                      .capabilities = entry.capabilities});
    return;
  }
  note_absence(search, entry.name, "no such program in the driver root");
}

// The first regular file among the places that nobody but root could have put there.
std::optional<HostPath> first_file(const LibrarySearch& search, const Places& places) {
  for (const std::string& place : places) {
    const std::optional<HostPath> real = usable_file(search, place);
    if (!real) continue;
    const Result<sys::FileStatus> status = search.root.status(real->text());
    if (status && status->type == sys::FileType::kRegular) return *real;
  }
  return std::nullopt;
}

// Below the directories of data, below share/ beside the libraries, and, where distributions keep
// several drivers apart, beside the libraries and in /etc/nvidia/NAME.
Places data_places(const LibrarySearch& search, const std::string& name) {
  Places places;
  for (const std::string_view directory : data_directories())
    places.push_back(concat(directory, "/", name));
  const std::string bare = name.substr(name.rfind('/') + 1);
  for (const HostPath& directory : search.directories) {
    places.push_back(concat(directory.parent().text(), "/share/", name));
    places.push_back((directory / name).text());
    places.push_back((directory / bare).text());
    places.push_back(concat("/etc/nvidia/", directory.name(), "/", bare));
  }
  return places;
}

void add_data(const LibrarySearch& search, const DataFile& entry) {
  const std::string name = expanded(entry.name, search.inventory);
  const std::optional<HostPath> found = first_file(search, data_places(search, name));
  if (!found) return note_absence(search, name, "no such data file in the driver root");
  search.inventory.files.push_back({.kind = DriverFileKind::kData,
                                    .path = *found,
                                    .soname = expanded(entry.target, search.inventory),
                                    .capabilities = entry.capabilities});
}

void add_xorg_module(const LibrarySearch& search, const XorgModule& module) {
  const std::string name = expanded(module.name, search.inventory);
  Places places;
  Places directories = alternatives(search);
  for (const std::string_view directory : xorg_directories()) directories.emplace_back(directory);
  for (const std::string& directory : directories) {
    places.push_back(concat(directory, "/", module.directory, "/", name));
    places.push_back(concat(directory, "/", name));
  }
  const std::optional<HostPath> found = first_file(search, places);
  if (!found) return note_absence(search, name, "no such module of the X server");
  if (auto reason = unfit(elf_facts(search.root, *found)))
    return note_absence(search, found->text(), std::move(*reason));
  search.inventory.files.push_back({.kind = DriverFileKind::kXorgModule,
                                    .path = *found,
                                    .soname = concat(module.directory, "/", name),
                                    .capabilities = {Capability::kGraphics, Capability::kDisplay}});
}

// Says of files that come with a driver and that nobody gets why this is so.
void note_left_out(const LibrarySearch& search, const Places& programs) {
  const auto note = [&search](const Places& places, std::string_view reason) {
    for (const std::string& place : places) {
      if (!search.root.exists(place)) continue;
      return note_absence(search, place, concat("left out: ", reason));
    }
  };
  for (const LeftOut& program : left_out_programs()) {
    Places places;
    for (const std::string& directory : programs)
      places.push_back(concat(directory, "/", program.name));
    note(places, program.reason);
  }
  for (const LeftOut& file : left_out_data())
    note(data_places(search, expanded(file.name, search.inventory)), file.reason);
}

// Where the kernel would look for firmware, and beside the libraries.
Places firmware_places(const LibrarySearch& search) {
  Places places;
  for (const HostPath& directory : search.directories)
    places.push_back((directory.parent() / "firmware").text());
  for (const std::string_view place :
       {"/lib/firmware/updates", "/lib/firmware", "/usr/lib/firmware"}) {
    places.emplace_back(place);
  }
  return places;
}

// Firmware of the GPU's system processor.
void add_firmware(const LibrarySearch& search) {
  const Places places = firmware_places(search);
  for (const std::string& place : places) {
    const std::string directory = concat(place, "/nvidia/", search.inventory.driver.text());
    const Result<std::vector<sys::DirEntry>> entries =
        search.root.list(directory, kMaxDirectoryEntries);
    if (!entries) continue;
    for (const sys::DirEntry& entry : *entries) {
      if (!entry.name.starts_with("gsp") || !entry.name.ends_with(".bin")) continue;
      if (const auto real = usable_file(search, concat(directory, "/", entry.name))) {
        search.inventory.files.push_back({.kind = DriverFileKind::kFirmware,
                                          .path = *real,
                                          .soname = entry.name,
                                          .capabilities = CapabilitySet::all()});
      }
    }
    return;
  }
  note_absence(search, "GSP firmware", concat("none in ", joined(places, ", ")));
}

void add_socket(const LibrarySearch& search, std::string_view daemon) {
  const std::string path = concat("/run/", daemon, "/socket");
  const Result<sys::FileStatus> status = search.root.status(path);
  if (!status || status->type != sys::FileType::kSocket)
    return note_absence(search, path, "no such socket in the driver root");
  search.inventory.files.push_back({.kind = DriverFileKind::kSocket,
                                    .path = HostPath::literal(path),
                                    .soname = std::string(daemon),
                                    .capabilities = {Capability::kUtility}});
}

void add_daemons(const LibrarySearch& search, OmissionSet leave_out) {
  const auto unless = [&](Omission omission, std::string_view what, auto add) {
    if (!leave_out.contains(omission)) return add();
    note_absence(search, what, "left out by the configuration");
  };
  unless(Omission::kGspFirmware, "GSP firmware", [&] { add_firmware(search); });
  unless(Omission::kPersistenced, "/run/nvidia-persistenced/socket",
         [&] { add_socket(search, "nvidia-persistenced"); });
  unless(Omission::kFabricmanager, "/run/nvidia-fabricmanager/socket",
         [&] { add_socket(search, "nvidia-fabricmanager"); });
}

}  // namespace

Status read_driver_files(const sys::RootedDir& root, Inventory& inventory, OmissionSet leave_out) {
  const LibrarySearch search = find_library_directories(root, inventory);
  TRY(read_driver_libraries(search));
  const Places programs = program_places(search);
  for (const CatalogEntry& program : known_programs()) add_program(search, program, programs);
  for (const DataFile& file : known_data()) add_data(search, file);
  for (const XorgModule& module : known_xorg_modules()) add_xorg_module(search, module);
  note_left_out(search, programs);
  add_daemons(search, leave_out);
  return {};
}

}  // namespace gpuhook::host
