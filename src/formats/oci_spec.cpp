// SPDX-License-Identifier: Apache-2.0
// The parts of a container's config.json that matter here (OCI runtime specification,
// "Configuration").
#include "formats/oci_spec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"
#include "gpuhook/request.h"

namespace gpuhook {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20U;
constexpr std::size_t kMaxEnvEntries = 65536;

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

Result<const json*> required(const json& object, std::string_view name) {
  const json* const found = TRY(formats::member(object, name));
  if (found == nullptr) return fail(ErrorKind::kBadInput, concat("no ", in_quotes(name)));
  return found;
}

// Since specification 1.0.0-rc5 an object of five lists; a flat list before.
Result<std::vector<std::string>> bounding_set(const json& process) {
  const json* const capabilities = TRY(formats::member(process, "capabilities"));
  if (capabilities == nullptr || capabilities->is_null()) return std::vector<std::string>();
  if (capabilities->is_array()) return formats::string_list_member(process, "capabilities");
  return formats::string_list_member(*capabilities, "bounding");
}

Status read_process(const json& config, ContainerSpec& spec) {
  const json* const process = TRY(required(config, "process"));
  spec.env = TRY(formats::string_list_member(*process, "env"));
  if (spec.env.size() > kMaxEnvEntries) {
    return fail(ErrorKind::kBadInput, concat("more than ", kMaxEnvEntries, " environment entries"));
  }
  spec.bounding = TRY(bounding_set(*process));
  const json* const user = TRY(formats::member(*process, "user"));
  if (user != nullptr && user->is_object())
    spec.additional_gids = TRY(formats::id_list_member(*user, "additionalGids"));
  return {};
}

Status read_root(const json& config, ContainerSpec& spec) {
  const json* const root = TRY(required(config, "root"));
  const std::optional<std::string> path = TRY(formats::string_member(*root, "path"));
  if (!path || path->empty()) return fail(ErrorKind::kBadInput, "no \"root.path\"");
  if (path->find('\0') != std::string::npos)
    return fail(ErrorKind::kBadInput, "\"root.path\" contains a NUL byte");
  spec.root_path = *path;
  return {};
}

Status read_mounts(const json& config, ContainerSpec& spec) {
  const json* const mounts = TRY(formats::member(config, "mounts"));
  if (mounts == nullptr || mounts->is_null()) return {};
  if (!mounts->is_array()) return fail(ErrorKind::kBadInput, "\"mounts\" is not a list");
  for (const json& entry : *mounts) {
    SpecMount mount;
    mount.source = TRY(formats::string_member(entry, "source")).value_or("");
    mount.destination = TRY(formats::string_member(entry, "destination")).value_or("");
    mount.type = TRY(formats::string_or_null_member(entry, "type"));
    const auto options = TRY(formats::string_list_member(entry, "options"));
    mount.is_bind = mount.type == "bind" || contains(options, "bind") || contains(options, "rbind");
    spec.mounts.push_back(std::move(mount));
  }
  return {};
}

Status read_hooks(const json& config, ContainerSpec& spec) {
  const json* const hooks = TRY(formats::member(config, "hooks"));
  if (hooks == nullptr || !hooks->is_object()) return {};
  const json* const prestart = TRY(formats::member(*hooks, "prestart"));
  if (prestart == nullptr || !prestart->is_array()) return {};
  for (const json& entry : *prestart)
    spec.prestart_hooks.push_back(TRY(formats::string_member(entry, "path")).value_or(""));
  return {};
}

Status read_annotations(const json& config, ContainerSpec& spec) {
  const json* const annotations = TRY(formats::member(config, "annotations"));
  if (annotations == nullptr || annotations->is_null()) return {};
  if (!annotations->is_object())
    return fail(ErrorKind::kBadInput, "\"annotations\" is not an object");
  for (const auto& [key, value] : annotations->items()) {
    if (value.is_null()) continue;
    if (!value.is_string())
      return fail(ErrorKind::kBadInput, concat("annotation ", in_quotes(key), " is not a string"));
    spec.annotations.push_back({.key = key, .value = value.get<std::string>()});
  }
  return {};
}

}  // namespace

Result<ContainerSpec> parse_container_spec(std::string_view config_json) {
  const auto parse = [&]() -> Result<ContainerSpec> {
    const json config = TRY(formats::parse_json(config_json, {.bytes = kMaxConfigBytes}));
    ContainerSpec spec;
    spec.oci_version = TRY(formats::string_member(config, "ociVersion")).value_or("");
    TRY(read_process(config, spec));
    TRY(read_root(config, spec));
    TRY(formats::read_linux_part(config, spec));
    TRY(read_mounts(config, spec));
    TRY(read_hooks(config, spec));
    TRY(read_annotations(config, spec));
    return spec;
  };
  return doing("reading config.json", parse());
}

}  // namespace gpuhook
