// SPDX-License-Identifier: Apache-2.0
// Finds files by the module's exact version: in the directories of the loader cache, then in the
// known layouts.
#include "host/driver_files.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "base/try.h"
#include "formats/elf_facts.h"
#include "formats/ld_cache.h"
#include "host/catalog.h"
#include "sys/privileges.h"

namespace gpuhook::host {
namespace {

constexpr std::size_t kMaxDirectoryEntries = 200'000;

// Everything one search works with.
struct Search {
  const sys::RootedDir& root;
  Inventory& inventory;
  std::vector<HostPath> candidates;  // existing library directories, links resolved, best first
  std::vector<HostPath>
      directories;  // those of them that hold libcuda or libnvidia-ml of the wanted version
};

// Why files of a directory may not go into other people's containers: somebody else than root can
// put some there.
std::optional<std::string> untrusted(const sys::RootedDir& root, const HostPath& directory) {
  for (HostPath at = directory;; at = at.parent()) {
    const Result<sys::FileStatus> status = root.status(at.text());
    const Result<bool> owner = status ? sys::is_trusted_owner(status->uid)
                                      : Result<bool>(tl::unexpected<Error>(status.error()));
    if (!owner || !*owner || status->world_writable)
      return concat("not used: ", in_quotes(at.text()), " can be changed by others than root");
    if (at == HostPath()) return std::nullopt;
  }
}

void add_directory(Search& search, std::string_view path) {
  const Result<HostPath> real = search.root.real_path(path);
  if (!real || !search.root.is_directory(real->text())) return;
  if (auto reason = untrusted(search.root, *real)) {
    search.inventory.absences.push_back({.what = real->text(), .reason = std::move(*reason)});
    return;
  }
  if (std::find(search.candidates.begin(), search.candidates.end(), *real) ==
      search.candidates.end()) {
    search.candidates.push_back(*real);
  }
}

// The two libraries every driver has lead to the driver's directory, through whatever links a
// distribution uses.
void add_directories_of_loader_cache(Search& search) {
  const Result<std::string> text =
      search.root.read_file("/etc/ld.so.cache", formats::kMaxLdCacheBytes);
  if (!text) return;
  const Result<formats::LdCache> cache = formats::parse_ld_cache(std::as_bytes(std::span(*text)));
  if (!cache) {
    search.inventory.absences.push_back(
        {.what = "/etc/ld.so.cache", .reason = to_line(cache.error())});
    return;
  }
  std::set<std::string> parents;
  for (const formats::LdCacheEntry& entry : cache->entries) {
    const bool main =
        entry.name.starts_with("libcuda.so") || entry.name.starts_with("libnvidia-ml.so");
    if (!main && !entry.name.starts_with("libnvidia-")) continue;
    const Result<HostPath> real =
        main ? search.root.real_path(entry.path) : HostPath::parse(entry.path);
    if (real && parents.insert(real->parent().text()).second)
      add_directory(search, real->parent().text());
  }
}

std::string versioned(std::string_view library, const Inventory& inventory) {
  return concat(library, ".so.", inventory.driver.text());
}

bool holds_driver(const Search& search, const HostPath& directory) {
  return search.root.exists((directory / versioned("libcuda", search.inventory)).text()) ||
         search.root.exists((directory / versioned("libnvidia-ml", search.inventory)).text());
}

Result<formats::ElfFacts> elf_facts(const sys::RootedDir& root, const HostPath& path) {
  const UniqueFd file = TRY(root.open_file(path.text()));
  return formats::read_elf_facts([&file](std::uint64_t offset, std::size_t size) {
    return sys::read_at(file.get(), offset, size);
  });
}

// Why the file is no 64-bit library (or program) of this machine; nothing when it is.
std::optional<std::string> unfit(const Result<formats::ElfFacts>& facts, bool library) {
  if (!facts) return to_line(facts.error());
  const bool right_type =
      facts->type == 3 /* ET_DYN */ || (!library && facts->type == 2 /* ET_EXEC */);
  if (!right_type) return "not a library or program";
  if (facts->elf_class != formats::ElfClass::k64 || facts->machine != formats::native_machine()) {
    return "built for another machine";
  }
  return std::nullopt;
}

bool has_file(const Inventory& inventory, std::string_view name) {
  return std::any_of(inventory.files.begin(), inventory.files.end(),
                     [name](const DriverFile& file) { return file.path.name() == name; });
}

// Takes one file, unless a better directory had it already.
void add_library(Search& search, const HostPath& path, std::string_view stem,
                 bool development_link) {
  Inventory& inventory = search.inventory;
  if (has_file(inventory, path.name())) return;
  const Result<HostPath> real = search.root.real_path(path.text());
  if (!real || real->name() != path.name()) {
    inventory.absences.push_back(
        {.what = path.text(), .reason = "leads to a file of another name"});
    return;
  }
  const Result<formats::ElfFacts> facts = elf_facts(search.root, *real);
  if (auto reason = unfit(facts, true)) {
    inventory.absences.push_back({.what = path.text(), .reason = std::move(*reason)});
    return;
  }
  inventory.files.push_back(
      {.kind = DriverFileKind::kLibrary,
       .path = *real,
       .soname = facts->soname.empty() ? std::string(real->name()) : facts->soname,
       .development_link = development_link,
       .capabilities = capabilities_of_library(stem)});
}

// Every file called lib*.so.<version>: also those this program has never heard of.
Status add_libraries_of(Search& search, const HostPath& directory) {
  const std::vector<sys::DirEntry> entries =
      TRY(search.root.list(directory.text(), kMaxDirectoryEntries));
  std::set<std::string_view> names;
  for (const sys::DirEntry& entry : entries) names.insert(entry.name);
  const std::string suffix = concat(".so.", search.inventory.driver.text());
  for (const std::string_view name : names) {
    if (!name.starts_with("lib") || !name.ends_with(suffix)) continue;
    const std::string_view stem = name.substr(0, name.size() - suffix.size());
    add_library(search, directory / name, stem, names.contains(concat(stem, ".so")));
  }
  return {};
}

std::string list_of(const std::vector<HostPath>& directories) {
  std::vector<std::string> texts;
  for (const HostPath& directory : directories) texts.push_back(directory.text());
  return texts.empty() ? "any known directory of the driver root" : joined(texts, ", ");
}

// Debian keeps some of the driver's libraries beside libcuda and others one directory up: where one
// known library of the version is, there may be more, known or not.
Status add_other_directories(Search& search) {
  for (const HostPath& directory : search.candidates) {
    const auto& done = search.directories;
    if (std::find(done.begin(), done.end(), directory) != done.end()) continue;
    const bool more = std::any_of(
        known_libraries().begin(), known_libraries().end(), [&](const CatalogEntry& entry) {
          return search.root.exists((directory / versioned(entry.name, search.inventory)).text());
        });
    if (more) TRY(add_libraries_of(search, directory));
  }
  return {};
}

void note_missing_libraries(Search& search) {
  for (const CatalogEntry& entry : known_libraries()) {
    const std::string name = versioned(entry.name, search.inventory);
    if (has_file(search.inventory, name)) continue;
    search.inventory.absences.push_back(
        {.what = std::string(entry.name),
         .reason = concat("no ", name, " in ", list_of(search.directories))});
  }
}

// The versions of libcuda and libnvidia-ml that are installed, for the message that says that none
// fits.
std::set<std::string> installed_versions(const Search& search) {
  std::set<std::string> versions;
  for (const HostPath& directory : search.candidates) {
    const Result<std::vector<sys::DirEntry>> entries =
        search.root.list(directory.text(), kMaxDirectoryEntries);
    if (!entries) continue;
    for (const sys::DirEntry& entry : *entries) {
      for (const std::string_view prefix : {"libcuda.so.", "libnvidia-ml.so."}) {
        const std::string_view name = entry.name;
        if (name.starts_with(prefix) && DriverVersion::parse(name.substr(prefix.size()))) {
          versions.insert(std::string(name.substr(prefix.size())));
        }
      }
    }
  }
  return versions;
}

tl::unexpected<Error> no_matching_libraries(const Search& search) {
  const std::string& module = search.inventory.driver.text();
  const std::set<std::string> found = installed_versions(search);
  if (found.empty()) {
    return fail(ErrorKind::kNoDriver,
                concat("kernel module ", module,
                       " is loaded but no libcuda or libnvidia-ml is installed in ",
                       list_of(search.candidates)),
                concat("install the driver's libraries ", module,
                       ", or name their place with --driver-root"));
  }
  const std::vector<std::string> list(found.begin(), found.end());
  return fail(ErrorKind::kNoDriver,
              concat("kernel module ", module,
                     " is loaded but the installed libraries are of version ", joined(list, ", ")),
              concat("reboot or reload the module, or install libraries ", module));
}

// Directories of programs: beside the libraries (…/lib64 and …/bin), then the usual ones.
std::vector<std::string> program_places(const Search& search) {
  std::vector<std::string> places;
  for (const HostPath& directory : search.directories) {
    places.push_back((directory.parent() / "bin").text());
    places.push_back((directory.parent().parent() / "bin").text());
  }
  for (const std::string_view directory : program_directories()) places.emplace_back(directory);
  return places;
}

// The first ELF file of that name: some hosts have a shell wrapper in /usr/bin and the program
// elsewhere.
void add_program(Search& search, const CatalogEntry& entry,
                 const std::vector<std::string>& places) {
  for (const std::string& place : places) {
    const Result<HostPath> real = search.root.real_path(concat(place, "/", entry.name));
    if (!real) continue;
    if (auto reason = unfit(elf_facts(search.root, *real), false)) {
      search.inventory.absences.push_back(
          {.what = concat(place, "/", entry.name), .reason = std::move(*reason)});
      continue;
    }
    search.inventory.files.push_back({.kind = DriverFileKind::kProgram,
                                      .path = *real,
                                      .soname = std::string(entry.name),
                                      .capabilities = entry.capabilities});
    return;
  }
  search.inventory.absences.push_back(
      {.what = std::string(entry.name), .reason = "no such program in the driver root"});
}

// GSP firmware: where the kernel would look, and beside the libraries.
void add_firmware(Search& search) {
  std::vector<std::string> places;
  for (const HostPath& directory : search.directories)
    places.push_back((directory.parent() / "firmware").text());
  for (const std::string_view place :
       {"/lib/firmware/updates", "/lib/firmware", "/usr/lib/firmware"}) {
    places.emplace_back(place);
  }
  for (const std::string& place : places) {
    const std::string directory = concat(place, "/nvidia/", search.inventory.driver.text());
    const Result<std::vector<sys::DirEntry>> entries =
        search.root.list(directory, kMaxDirectoryEntries);
    if (!entries) continue;
    for (const sys::DirEntry& entry : *entries) {
      if (!entry.name.starts_with("gsp") || !entry.name.ends_with(".bin")) continue;
      if (const Result<HostPath> real = search.root.real_path(concat(directory, "/", entry.name))) {
        search.inventory.files.push_back({.kind = DriverFileKind::kFirmware,
                                          .path = *real,
                                          .soname = entry.name,
                                          .capabilities = CapabilitySet::all()});
      }
    }
    return;
  }
  search.inventory.absences.push_back(
      {.what = "GSP firmware", .reason = concat("none in ", joined(places, ", "))});
}

void add_sockets(Search& search) {
  for (const std::string_view daemon : {"nvidia-persistenced", "nvidia-fabricmanager"}) {
    const std::string path = concat("/run/", daemon, "/socket");
    const Result<sys::FileStatus> status = search.root.status(path);
    if (status && status->type == sys::FileType::kSocket) {
      search.inventory.files.push_back({.kind = DriverFileKind::kSocket,
                                        .path = HostPath::literal(path),
                                        .soname = std::string(daemon),
                                        .capabilities = {Capability::kUtility}});
    } else {
      search.inventory.absences.push_back(
          {.what = path, .reason = "no such socket: the daemon does not run"});
    }
  }
}

}  // namespace

Status read_driver_files(const sys::RootedDir& root, Inventory& inventory) {
  Search search{.root = root, .inventory = inventory, .candidates = {}, .directories = {}};
  add_directories_of_loader_cache(search);
  for (const std::string_view directory : library_directories()) add_directory(search, directory);
  std::copy_if(search.candidates.begin(), search.candidates.end(),
               std::back_inserter(search.directories),
               [&search](const HostPath& directory) { return holds_driver(search, directory); });
  if (search.directories.empty()) return no_matching_libraries(search);
  for (const HostPath& directory : search.directories) {
    TRY(add_libraries_of(search, directory));
    const HostPath vdpau = directory / "vdpau";
    if (root.is_directory(vdpau.text())) TRY(add_libraries_of(search, vdpau));
  }
  TRY(add_other_directories(search));
  note_missing_libraries(search);
  if (inventory.files.empty()) {
    return fail(ErrorKind::kNoDriver,
                concat("no library of driver ", inventory.driver.text(), " in ",
                       list_of(search.directories), " is a 64-bit library of this machine"));
  }
  const std::vector<std::string> places = program_places(search);
  for (const CatalogEntry& program : known_programs()) add_program(search, program, places);
  add_firmware(search);
  add_sockets(search);
  return {};
}

}  // namespace gpuhook::host
