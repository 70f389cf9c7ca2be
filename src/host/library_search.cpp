// SPDX-License-Identifier: Apache-2.0
// Finds directories by the loader cache and by the layouts of distributions.
#include "host/library_search.h"

#include <algorithm>
#include <set>
#include <span>

#include "base/text.h"
#include "base/try.h"
#include "formats/ld_cache.h"
#include "host/catalog.h"
#include "sys/privileges.h"

namespace gpuhook::host {
namespace {

void add_directory(LibrarySearch& search, std::string_view path) {
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
void add_directories_of_loader_cache(LibrarySearch& search) {
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

bool holds_driver(const LibrarySearch& search, const HostPath& directory) {
  return search.root.exists((directory / versioned("libcuda", search.inventory)).text()) ||
         search.root.exists((directory / versioned("libnvidia-ml", search.inventory)).text());
}

}  // namespace

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

Result<HostPath> trusted_file(const sys::RootedDir& root, std::string_view path) {
  const HostPath name = TRY(HostPath::parse(path));
  const HostPath real = TRY(root.real_path(path));
  const HostPath place = TRY(root.real_path(name.parent().text()));
  for (const HostPath& directory : {place, real.parent()}) {
    if (auto reason = untrusted(root, directory))
      return fail(ErrorKind::kRefused, std::move(*reason));
  }
  const sys::FileStatus status = TRY(root.status(real.text()));
  if (!TRY(sys::is_trusted_owner(status.uid)) || status.world_writable) {
    return fail(ErrorKind::kRefused, concat("not used: ", in_quotes(real.text()),
                                            " can be changed by others than root"));
  }
  return real;
}

std::string versioned(std::string_view library, const Inventory& inventory) {
  return concat(library, ".so.", inventory.driver.text());
}

std::string list_of(const std::vector<HostPath>& directories) {
  std::vector<std::string> texts;
  for (const HostPath& directory : directories) texts.push_back(directory.text());
  return texts.empty() ? "any known directory of the driver root" : joined(texts, ", ");
}

LibrarySearch find_library_directories(const sys::RootedDir& root, Inventory& inventory) {
  LibrarySearch search{.root = root, .inventory = inventory, .candidates = {}, .directories = {}};
  add_directories_of_loader_cache(search);
  for (const std::string_view directory : library_directories()) add_directory(search, directory);
  std::copy_if(search.candidates.begin(), search.candidates.end(),
               std::back_inserter(search.directories),
               [&search](const HostPath& directory) { return holds_driver(search, directory); });
  return search;
}

}  // namespace gpuhook::host
