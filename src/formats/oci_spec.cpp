// SPDX-License-Identifier: Apache-2.0
// The parts of a container's config.json that matter here (OCI runtime specification,
// "Configuration").
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

Status read_namespaces(const json& config, ContainerSpec& spec) {
  const json* const linux_part = TRY(formats::member(config, "linux"));
  if (linux_part == nullptr || linux_part->is_null()) return {};
  const json* const namespaces = TRY(formats::member(*linux_part, "namespaces"));
  if (namespaces == nullptr || namespaces->is_null()) return {};
  if (!namespaces->is_array())
    return fail(ErrorKind::kBadInput, "\"linux.namespaces\" is not a list");
  for (const json& entry : *namespaces) {
    if (TRY(formats::string_member(entry, "type")) != "mount") continue;
    spec.has_mount_namespace = true;
    spec.joined_mount_namespace = TRY(formats::string_member(entry, "path")).value_or("");
  }
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
    spec.mounts.push_back(std::move(mount));
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
    TRY(read_namespaces(config, spec));
    TRY(read_mounts(config, spec));
    return spec;
  };
  return doing("reading config.json", parse());
}

}  // namespace gpuhook
