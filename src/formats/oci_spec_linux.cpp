// SPDX-License-Identifier: Apache-2.0
// "linux" of a config.json (OCI runtime specification, "Linux Container Configuration").
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"
#include "formats/oci_spec.h"

namespace gpuhook::formats {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxId = UINT32_MAX;

Result<std::uint32_t> id_of(std::int64_t value, std::string_view name) {
  if (value >= 0 && value <= kMaxId) return static_cast<std::uint32_t>(value);
  return fail(ErrorKind::kBadInput, concat(in_quotes(name), " is out of range"));
}

Result<std::uint32_t> id_member(const json& object, std::string_view name) {
  const json* const value = TRY(member(object, name));
  if (value != nullptr && value->is_null()) return std::uint32_t{0};
  return id_of(TRY(integer_member(object, name)).value_or(0), name);
}

// The list called `name`; null when there is none.
Result<const json*> list_member(const json& object, std::string_view name) {
  const json* const list = TRY(member(object, name));
  if (list == nullptr || list->is_null()) return nullptr;
  if (list->is_array()) return list;
  return fail(ErrorKind::kBadInput, concat("\"linux.", name, "\" is not a list"));
}

Status read_namespaces(const json& linux_part, ContainerSpec& spec) {
  const json* const namespaces = TRY(list_member(linux_part, "namespaces"));
  if (namespaces == nullptr) return {};
  for (const json& entry : *namespaces) {
    const auto type = TRY(string_member(entry, "type"));
    if (type == "user") spec.has_user_namespace = true;
    if (type != "mount") continue;
    spec.has_mount_namespace = true;
    spec.joined_mount_namespace = TRY(string_member(entry, "path")).value_or("");
  }
  return {};
}

// Character devices only: a driver has no others.
Status read_devices(const json& linux_part, ContainerSpec& spec) {
  const json* const devices = TRY(list_member(linux_part, "devices"));
  if (devices == nullptr) return {};
  for (const json& entry : *devices) {
    const auto type = TRY(string_member(entry, "type"));
    if (type != "c" && type != "u") continue;
    SpecDevice device;
    device.path = TRY(string_member(entry, "path")).value_or("");
    device.number = {.major = TRY(id_member(entry, "major")),
                     .minor = TRY(id_member(entry, "minor"))};
    spec.devices.push_back(std::move(device));
  }
  return {};
}

Status read_mappings(const json& linux_part, ContainerSpec& spec) {
  const json* const mappings = TRY(list_member(linux_part, "gidMappings"));
  if (mappings == nullptr) return {};
  for (const json& entry : *mappings) {
    IdMapping mapping;
    mapping.container_id = TRY(id_member(entry, "containerID"));
    mapping.host_id = TRY(id_member(entry, "hostID"));
    mapping.size = TRY(id_member(entry, "size"));
    spec.gid_mappings.push_back(mapping);
  }
  return {};
}

}  // namespace

Result<std::string> string_or_null_member(const json& object, std::string_view name) {
  const json* const value = TRY(member(object, name));
  if (value != nullptr && value->is_null()) return std::string();
  return TRY(string_member(object, name)).value_or("");
}

Result<std::vector<std::uint32_t>> id_list_member(const json& object, std::string_view name) {
  std::vector<std::uint32_t> ids;
  const json* const list = TRY(member(object, name));
  if (list == nullptr || list->is_null()) return ids;
  const bool numbers =
      list->is_array() && std::all_of(list->begin(), list->end(), [](const json& id) {
        return id.is_number_unsigned() && id.get<std::uint64_t>() <= std::uint64_t{kMaxId};
      });
  if (!numbers) return fail(ErrorKind::kBadInput, concat(in_quotes(name), " is not a list of ids"));
  for (const json& id : *list) ids.push_back(id.get<std::uint32_t>());
  return ids;
}

Status read_linux_part(const json& config, ContainerSpec& spec) {
  const json* const linux_part = TRY(member(config, "linux"));
  if (linux_part == nullptr || linux_part->is_null()) return {};
  TRY(read_namespaces(*linux_part, spec));
  TRY(read_devices(*linux_part, spec));
  TRY(read_mappings(*linux_part, spec));
  return {};
}

}  // namespace gpuhook::formats
