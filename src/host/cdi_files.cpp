// SPDX-License-Identifier: Apache-2.0
// Specification files of the host, where engines look for them.
#include <cerrno>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/cdi_plan.h"
#include "sys/rooted_dir.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxSpecBytes = std::size_t{4} << 20U;
constexpr std::size_t kMaxFiles = 1024;

bool is_missing(const Error& error) { return error.sys_errno == ENOENT; }

Result<CdiSpec> read_spec(const sys::RootedDir& host, const HostPath& path) {
  return doing(concat("reading ", in_quotes(path.text())),
               parse_cdi_spec(TRY(doing(concat("reading ", in_quotes(path.text())),
                                        host.read_file(path.text(), kMaxSpecBytes))),
                              cdi_format_of(path)));
}

// Engines read these endings and no others.
bool is_spec_name(std::string_view name) {
  return name.ends_with(".json") || name.ends_with(".yaml");
}

}  // namespace

CdiFormat cdi_format_of(const HostPath& path) {
  const std::string& text = path.text();
  return text.ends_with(".yaml") || text.ends_with(".yml") ? CdiFormat::kYaml : CdiFormat::kJson;
}

Result<std::optional<CdiSpec>> read_cdi_file(const HostPath& path) {
  const sys::RootedDir host = TRY(sys::RootedDir::open(HostPath()));
  Result<CdiSpec> spec = read_spec(host, path);
  if (spec) return std::optional<CdiSpec>(std::move(*spec));
  if (is_missing(spec.error())) return std::optional<CdiSpec>();
  return tl::unexpected<Error>(std::move(spec).error());
}

std::vector<CdiFile> read_cdi_directories(const std::vector<HostPath>& directories) {
  std::vector<CdiFile> files;
  const Result<sys::RootedDir> host = sys::RootedDir::open(HostPath());
  if (!host) return files;
  for (const HostPath& directory : directories) {
    const Result<std::vector<sys::DirEntry>> entries = host->list(directory.text(), kMaxFiles);
    if (!entries) {
      if (!is_missing(entries.error()))
        files.push_back({.path = directory, .spec = tl::unexpected<Error>(entries.error())});
      continue;
    }
    for (const sys::DirEntry& entry : *entries) {
      if (!is_spec_name(entry.name)) continue;
      const HostPath path = directory / entry.name;
      files.push_back({.path = path, .spec = read_spec(*host, path)});
    }
  }
  return files;
}

}  // namespace gpuhook
