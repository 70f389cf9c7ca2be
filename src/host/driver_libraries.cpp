// SPDX-License-Identifier: Apache-2.0
// Takes libraries by the module's exact version, and those that come with it under versions of
// their own.
#include "host/driver_libraries.h"

#include <elf.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "base/try.h"
#include "formats/ld_cache.h"
#include "host/catalog.h"

namespace gpuhook::host {
namespace {

#if defined(__aarch64__)
constexpr std::uint16_t kCompatMachine = EM_ARM;
#else
constexpr std::uint16_t kCompatMachine = EM_386;
#endif

enum class Word : std::uint8_t { k64, k32, kForeign };

// For which programs of this machine a library is.
Word word_of(const formats::ElfFacts& facts) {
  const bool is_64_bit = facts.elf_class == formats::ElfClass::k64;
  if (is_64_bit && facts.machine == formats::native_machine()) return Word::k64;
  if (!is_64_bit && facts.machine == kCompatMachine) return Word::k32;
  return Word::kForeign;
}

bool has_library(const Inventory& inventory, std::string_view name, bool compat32) {
  return std::any_of(inventory.files.begin(), inventory.files.end(), [&](const DriverFile& file) {
    return file.kind == DriverFileKind::kLibrary && file.compat32 == compat32 &&
           file.path.name() == name;
  });
}

struct Candidate {
  HostPath path;
  CapabilitySet capabilities;
  bool development_link = false;
};

// Takes one file, unless a better directory had it already.
void add_library(const LibrarySearch& search, const Candidate& candidate) {
  Inventory& inventory = search.inventory;
  const auto refuse = [&](std::string reason) {
    inventory.absences.push_back({.what = candidate.path.text(), .reason = std::move(reason)});
  };
  const Result<HostPath> real = search.root.real_path(candidate.path.text());
  if (!real || real->name() != candidate.path.name())
    return refuse("leads to a file of another name");
  const Result<formats::ElfFacts> facts = elf_facts(search.root, *real);
  if (!facts) return refuse(to_line(facts.error()));
  if (facts->type != ET_DYN) return refuse("not a library or program");
  const Word word = word_of(*facts);
  if (word == Word::kForeign) return refuse("built for another machine");
  const bool compat32 = word == Word::k32;
  if (has_library(inventory, real->name(), compat32)) return;
  inventory.files.push_back(
      {.kind = DriverFileKind::kLibrary,
       .path = *real,
       .soname = facts->soname.empty() ? std::string(real->name()) : facts->soname,
       .development_link = candidate.development_link,
       .compat32 = compat32,
       .capabilities = candidate.capabilities});
}

const LeftOut* left_out(std::string_view stem) {
  const auto all = left_out_libraries();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [stem](const LeftOut& entry) { return entry.name == stem; });
  return found == all.end() ? nullptr : &*found;
}

// "1.1.13" of "libnvidia-egl-wayland.so.1.1.13": a version of the library's own. One that begins
// with three digits is another driver's.
bool has_own_version(std::string_view name, std::string_view stem) {
  const std::string prefix = concat(stem, ".so.");
  if (!name.starts_with(prefix)) return false;
  const std::string_view version = name.substr(prefix.size());
  const auto major = number<std::uint32_t>(version.substr(0, version.find('.')));
  return major && *major < 100 &&
         version.find_first_not_of("0123456789.") == std::string_view::npos;
}

const CatalogEntry* independent(std::string_view name) {
  const auto all = independent_libraries();
  const auto found = std::find_if(all.begin(), all.end(), [name](const CatalogEntry& entry) {
    return has_own_version(name, entry.name);
  });
  return found == all.end() ? nullptr : &*found;
}

void note_left_out(const LibrarySearch& search, const HostPath& directory,
                   const sys::DirEntry& entry) {
  const std::string_view name = entry.name;
  const LeftOut* const unwanted = left_out(name.substr(0, name.find(".so")));
  if (unwanted == nullptr || entry.type != sys::FileType::kRegular) return;
  search.inventory.absences.push_back(
      {.what = (directory / name).text(), .reason = concat("left out: ", unwanted->reason)});
}

// Every file called lib*.so.<version>, also those this program has never heard of, and those of the
// catalog with versions of their own.
Status add_libraries_of(const LibrarySearch& search, const HostPath& directory) {
  const std::vector<sys::DirEntry> entries =
      TRY(search.root.list(directory.text(), kMaxDirectoryEntries));
  std::set<std::string_view> names;
  for (const sys::DirEntry& entry : entries) names.insert(entry.name);
  const std::string suffix = concat(".so.", search.inventory.driver.text());
  for (const sys::DirEntry& entry : entries) {
    const std::string_view name = entry.name;
    if (!name.starts_with("lib")) continue;
    const std::string_view stem = name.substr(0, name.find(".so"));
    const bool of_driver = name == concat(stem, suffix);
    if (left_out(stem) != nullptr) {
      note_left_out(search, directory, entry);
    } else if (of_driver) {
      add_library(search, {.path = directory / name,
                           .capabilities = capabilities_of_library(stem),
                           .development_link = names.contains(concat(stem, ".so"))});
    } else if (const CatalogEntry* const known = independent(name);
               known != nullptr && entry.type == sys::FileType::kRegular) {
      add_library(search, {.path = directory / name, .capabilities = known->capabilities});
    }
  }
  return {};
}

// Debian keeps some of the driver's libraries beside libcuda and others one directory up: where one
// known library of the version is, there may be more, known or not.
Status add_other_directories(const LibrarySearch& search) {
  for (const HostPath& directory : search.candidates) {
    const auto& done = search.directories;
    if (std::find(done.begin(), done.end(), directory) != done.end()) continue;
    const bool more = std::any_of(
        known_libraries().begin(), known_libraries().end(), [&](const CatalogEntry& entry) {
          return search.root.exists((directory / versioned(entry.name, search.inventory)).text());
        });
    if (more) {
      TRY(add_libraries_of(search, directory));
      continue;
    }
    // Only to tell what lies there: a directory that cannot be read tells nothing.
    const auto entries = search.root.list(directory.text(), kMaxDirectoryEntries);
    if (!entries) continue;
    for (const sys::DirEntry& entry : *entries) note_left_out(search, directory, entry);
  }
  return {};
}

void note_missing_libraries(const LibrarySearch& search) {
  for (const CatalogEntry& entry : known_libraries()) {
    const std::string name = versioned(entry.name, search.inventory);
    if (has_library(search.inventory, name, false)) continue;
    search.inventory.absences.push_back(
        {.what = std::string(entry.name),
         .reason = concat("no ", name, " in ", list_of(search.directories))});
  }
}

// The versions of libcuda and libnvidia-ml that are installed, for the message that says that none
// fits.
std::set<std::string> installed_versions(const LibrarySearch& search) {
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

tl::unexpected<Error> no_matching_libraries(const LibrarySearch& search) {
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

}  // namespace

Result<formats::ElfFacts> elf_facts(const sys::RootedDir& root, const HostPath& path) {
  const UniqueFd file = TRY(root.open_file(path.text()));
  return formats::read_elf_facts([&file](std::uint64_t offset, std::size_t size) {
    return sys::read_at(file.get(), offset, size);
  });
}

Status read_driver_libraries(const LibrarySearch& search) {
  if (search.directories.empty()) return no_matching_libraries(search);
  for (const HostPath& directory : search.directories) {
    TRY(add_libraries_of(search, directory));
    const HostPath vdpau = directory / "vdpau";
    if (search.root.is_directory(vdpau.text())) TRY(add_libraries_of(search, vdpau));
  }
  TRY(add_other_directories(search));
  note_missing_libraries(search);
  const auto& files = search.inventory.files;
  if (std::all_of(files.begin(), files.end(),
                  [](const DriverFile& file) { return file.compat32; })) {
    return fail(ErrorKind::kNoDriver,
                concat("no library of driver ", search.inventory.driver.text(), " in ",
                       list_of(search.directories), " is a 64-bit library of this machine"));
  }
  return {};
}

}  // namespace gpuhook::host
