// SPDX-License-Identifier: Apache-2.0
// A bundle on disk: its config.json, read once through one descriptor, and its root directory.
#include <cerrno>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/gpuhook.h"
#include "sys/privileges.h"
#include "sys/rooted_dir.h"

namespace gpuhook {
namespace {

constexpr std::string_view kConfigName = "config.json";
constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20U;

Result<std::string> text_of_config(const HostPath& bundle) {
  const auto read = [&]() -> Result<std::string> {
    const sys::RootedDir directory = TRY(sys::RootedDir::open(bundle));
    return directory.read_file(concat("/", kConfigName), kMaxConfigBytes);
  };
  Result<std::string> config = read();
  const int number = config ? 0 : config.error().sys_errno;
  if (number == ENOENT || number == ENOTDIR)
    config.error().remedy = "name the directory that holds the container's config.json";
  if (number == EACCES) config.error().remedy = "run as root";
  return config;
}

using Edit = Result<std::string> (*)(std::string_view config_json, const HostPath& path);

Result<bool> edit_config(const HostPath& bundle, const HostPath& path, Edit edit) {
  const std::string before = TRY(read_bundle_config(bundle));
  const std::string after = TRY(edit(before, path));
  if (after == before) return false;
  TRY(replace_bundle_config(bundle, after));
  return true;
}

}  // namespace

Result<ContainerSpec> read_bundle(const HostPath& bundle) {
  return doing(concat("bundle ", in_quotes(bundle.text())),
               parse_container_spec(TRY(read_bundle_config(bundle))));
}

Result<std::string> read_bundle_config(const HostPath& bundle) {
  return doing(concat("reading ", kConfigName, " of bundle ", in_quotes(bundle.text())),
               text_of_config(bundle));
}

Status replace_bundle_config(const HostPath& bundle, std::string_view config_json) {
  return doing(concat("writing ", kConfigName, " of bundle ", in_quotes(bundle.text())),
               sys::replace_file(bundle, std::string(kConfigName), config_json));
}

Result<HostPath> rootfs_of(const ContainerSpec& spec, const HostPath& bundle) {
  return doing(concat("looking for the root directory ", in_quotes(spec.root_path)),
               sys::resolve_directory(bundle, spec.root_path));
}

Result<bool> in_user_namespace() { return !TRY(sys::in_initial_user_namespace()); }

Result<bool> register_hook(const HostPath& bundle, const HostPath& path) {
  return edit_config(bundle, path, &add_prestart_hook);
}

Result<bool> unregister_hook(const HostPath& bundle, const HostPath& path) {
  return edit_config(bundle, path, &remove_prestart_hook);
}

}  // namespace gpuhook
