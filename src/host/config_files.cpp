// SPDX-License-Identifier: Apache-2.0
// Finds and opens the administrator's configuration.
#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/try.h"
#include "formats/config_toml.h"
#include "gpuhook/gpuhook.h"
#include "sys/privileges.h"
#include "sys/rooted_dir.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxEntries = 65536;
constexpr std::string_view kOwnFile = "/etc/gpu-hook/gpu-hook.toml";
constexpr std::string_view kNvidiaFile = "/etc/nvidia-container-runtime/config.toml";

Result<bool> is_of_root_alone(const sys::RootedDir& host, const HostPath& path) {
  const sys::FileStatus status = TRY(host.status(path.text()));
  const bool writable = status.world_writable || (status.group_writable && status.gid != 0);
  return TRY(sys::is_trusted_owner(status.uid)) && !writable;
}

// A file or directory and everything above it.
Result<bool> is_trusted(const sys::RootedDir& host, const HostPath& path) {
  for (HostPath at = path; at != HostPath(); at = at.parent()) {
    if (!TRY(is_of_root_alone(host, at))) return false;
  }
  return is_of_root_alone(host, HostPath());
}

// Whoever can write the file, or point its name elsewhere, decides what containers get.
Status check_owner(const sys::RootedDir& host, const HostPath& file) {
  const HostPath real = TRY(host.real_path(file.text()));
  const HostPath place = TRY(host.real_path(file.parent().text()));
  if (TRY(is_trusted(host, real)) && TRY(is_trusted(host, place))) return {};
  return fail(ErrorKind::kRefused, "others than root can write it, or a directory above it",
              concat("chown root:root and chmod go-w ", file.text(), " and its directories"));
}

using Parse = Result<LoadedConfig> (*)(std::string_view text);

Result<LoadedConfig> parse_own(std::string_view text) {
  LoadedConfig loaded;
  loaded.config = TRY(formats::parse_config(text));
  return loaded;
}

Result<LoadedConfig> parse_nvidia(std::string_view text) {
  formats::NvidiaConfig parsed = TRY(formats::parse_nvidia_config(text));
  LoadedConfig loaded;
  loaded.config = std::move(parsed.config);
  loaded.notes = std::move(parsed.notes);
  return loaded;
}

// Whether the directory has an entry of that name, wherever it leads.
bool is_named(const sys::RootedDir& host, const HostPath& file) {
  const auto entries = host.list(file.parent().text(), kMaxEntries);
  return entries && std::any_of(entries->begin(), entries->end(), [&](const sys::DirEntry& entry) {
           return entry.name == file.name();
         });
}

// Nothing when there is no such file.
Result<std::optional<LoadedConfig>> load(const sys::RootedDir& host, const HostPath& file,
                                         Parse parse) {
  const auto read = [&]() -> Result<std::optional<LoadedConfig>> {
    const Result<sys::FileStatus> status = host.status(file.text());
    if (!status && status.error().kind == ErrorKind::kNotFound) {
      if (!is_named(host, file)) return std::optional<LoadedConfig>();
      return fail(ErrorKind::kNotFound, "is a link that leads nowhere");
    }
    TRY(check_owner(host, file));
    LoadedConfig loaded =
        TRY(parse(TRY(host.read_file(file.text(), formats::kMaxConfigFileBytes))));
    loaded.file = file;
    return std::optional<LoadedConfig>(std::move(loaded));
  };
  return doing(concat("configuration ", in_quotes(file.text())), read());
}

}  // namespace

Result<LoadedConfig> load_config(const std::optional<HostPath>& path) {
  const sys::RootedDir host = TRY(sys::RootedDir::open(HostPath()));
  if (path) {
    std::optional<LoadedConfig> named = TRY(load(host, *path, &parse_own));
    if (named) return std::move(*named);
    return fail(ErrorKind::kNotFound,
                concat("configuration ", in_quotes(path->text()), " does not exist"));
  }
  std::optional<LoadedConfig> own = TRY(load(host, HostPath::literal(kOwnFile), &parse_own));
  if (own) return std::move(*own);
  std::optional<LoadedConfig> nvidia =
      TRY(load(host, HostPath::literal(kNvidiaFile), &parse_nvidia));
  if (nvidia) return std::move(*nvidia);
  return LoadedConfig();
}

std::string config_as_toml(const Config& config) { return formats::write_config(config); }

}  // namespace gpuhook
