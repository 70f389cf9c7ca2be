// SPDX-License-Identifier: Apache-2.0
// Readers of the kernel's tables.
#include "formats/proc_tables.h"

#include <algorithm>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::formats {
namespace {

// mountinfo writes space, tab, line feed and backslash as \ooo.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto code = text[i] == '\\' && i + 4 <= text.size()
                          ? number<std::uint8_t>(text.substr(i + 1, 3), 8)
                          : std::nullopt;
    out += code ? static_cast<char>(*code) : text[i];
    if (code) i += 3;
  }
  return out;
}

// id parent major:minor root mount-point options [optional fields...] - type source super-options
std::optional<MountInfo> parse_mount(std::string_view line) {
  // One space between fields: the source of a mount may be empty.
  const std::vector<std::string_view> fields = split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 3) return std::nullopt;
  const auto id = number<std::uint64_t>(fields[0]);
  const std::size_t colon = fields[2].find(':');
  const auto major = number<std::uint32_t>(fields[2].substr(0, colon));
  const auto minor = colon == std::string_view::npos
                         ? std::nullopt
                         : number<std::uint32_t>(fields[2].substr(colon + 1));
  if (!id || !major || !minor) return std::nullopt;
  return MountInfo{
      .id = *id,
      .file_system = {.major = *major, .minor = *minor},
      .root = unescaped(fields[3]),
      .mount_point = unescaped(fields[4]),
      .shared = std::any_of(fields.begin() + 6, dash,
                            [](std::string_view field) { return field.starts_with("shared:"); }),
      .type = std::string(dash[1]),
      .super_options = std::string(fields.end() - dash > 3 ? dash[3] : std::string_view()),
  };
}

}  // namespace

std::vector<DeviceMajor> parse_character_devices(std::string_view text) {
  std::vector<DeviceMajor> table;
  bool character = false;
  for (const std::string_view line : lines(text)) {
    if (line.ends_with(':')) character = line == "Character devices:";
    const std::vector<std::string_view> fields = words(line);
    const auto major = fields.size() == 2 ? number<std::uint32_t>(fields[0]) : std::nullopt;
    if (character && major) table.push_back({.major = *major, .name = std::string(fields[1])});
  }
  return table;
}

std::optional<std::uint32_t> major_of(const std::vector<DeviceMajor>& table,
                                      std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto found = std::find_if(table.begin(), table.end(),
                                    [name](const DeviceMajor& row) { return row.name == name; });
    if (found != table.end()) return found->major;
  }
  return std::nullopt;
}

bool has_major(const std::vector<DeviceMajor>& table, std::string_view name, std::uint32_t major) {
  return std::any_of(table.begin(), table.end(), [&](const DeviceMajor& entry) {
    return entry.name == name && entry.major == major;
  });
}

std::optional<std::uint32_t> misc_minor(std::string_view text, std::string_view name) {
  for (const std::string_view line : lines(text)) {
    const std::vector<std::string_view> parts = words(line);
    if (parts.size() == 2 && parts[1] == name) return number<std::uint32_t>(parts[0]);
  }
  return std::nullopt;
}

std::optional<DeviceNumber> parse_device_number(std::string_view text) {
  const std::vector<std::string_view> parts = split(trimmed(text), ':');
  if (parts.size() != 2) return std::nullopt;
  const auto major = number<std::uint32_t>(parts[0]);
  const auto minor = number<std::uint32_t>(parts[1]);
  if (!major || !minor) return std::nullopt;
  return DeviceNumber{.major = *major, .minor = *minor};
}

Result<std::vector<MountInfo>> parse_mountinfo(std::string_view text) {
  std::vector<MountInfo> mounts;
  for (const std::string_view line : lines(text)) {
    std::optional<MountInfo> mount = parse_mount(line);
    if (!mount)
      return fail(ErrorKind::kBadInput,
                  concat("line ", mounts.size() + 1, " of mountinfo: ", in_quotes(line)));
    mounts.push_back(std::move(*mount));
  }
  return mounts;
}

Result<std::vector<CgroupLine>> parse_cgroup(std::string_view text) {
  std::vector<CgroupLine> groups;
  for (const std::string_view line : lines(text)) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    const auto hierarchy = number<std::uint32_t>(line.substr(0, std::min(first, line.size())));
    if (second == std::string_view::npos || !hierarchy) {
      return fail(ErrorKind::kBadInput,
                  concat("line ", groups.size() + 1, " of cgroup: ", in_quotes(line)));
    }
    CgroupLine group{
        .hierarchy = *hierarchy, .controllers = {}, .path = std::string(line.substr(second + 1))};
    for (const std::string_view controller :
         split(line.substr(first + 1, second - first - 1), ',')) {
      if (!controller.empty()) group.controllers.emplace_back(controller);
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

std::optional<std::uint32_t> mapped_root(std::string_view id_map) {
  for (const std::string_view line : lines(id_map)) {
    const std::vector<std::string_view> fields = words(line);
    if (fields.size() == 3 && fields[0] == "0" && fields[2] != "0")
      return number<std::uint32_t>(fields[1]);
  }
  return std::nullopt;
}

}  // namespace gpuhook::formats
