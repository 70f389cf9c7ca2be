// SPDX-License-Identifier: Apache-2.0
// Puts our hook into a bundle's config.json and takes it out again, as text to text.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"
#include "formats/json_edit.h"
#include "formats/json_text.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook {
namespace {

using formats::Span;

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20U;

// The hook entry. Its `env` is never left out: a runtime would let the hook inherit somebody's
// environment instead.
std::string hook_entry(const HostPath& path) {
  const nlohmann::ordered_json entry = {{"path", path.text()},
                                        {"args", {std::string(path.name()), "prestart"}},
                                        {"env", {kHookEnvironment}}};
  return entry.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Status check_json(std::string_view text) {
  return doing("reading config.json", [&]() -> Status {
    (void)TRY(formats::parse_json(text, {.bytes = kMaxConfigBytes}));
    return {};
  }());
}

// Whether the hook entry in `text` runs `path`.
bool runs(std::string_view entry, const HostPath& path) {
  const Result<nlohmann::json> parsed = formats::parse_json(entry, {.bytes = kMaxConfigBytes});
  if (!parsed || !parsed->is_object()) return false;
  const Result<std::optional<std::string>> found = formats::string_member(*parsed, "path");
  return found && *found == path.text();
}

std::optional<std::size_t> position_of(std::string_view text, const std::vector<Span>& entries,
                                       const HostPath& path) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](Span entry) {
    return runs(formats::part(text, entry), path);
  });
  if (found == entries.end()) return std::nullopt;
  return static_cast<std::size_t>(found - entries.begin());
}

// Takes out the member that is all of `object`, or one of several.
std::string without_member(std::string_view text, Span object, std::string_view name) {
  const std::optional<formats::Member> member = formats::find_member(text, object, name);
  return member ? formats::without_member(text, object, *member) : std::string(text);
}

}  // namespace

Result<std::string> add_prestart_hook(std::string_view config_json, const HostPath& path) {
  TRY(check_json(config_json));
  const std::string entry = hook_entry(path);
  const auto add = [&]() -> Result<std::string> {
    const std::vector<Span> entries =
        TRY(formats::find_elements(config_json, {"hooks", "prestart"}));
    const std::optional<std::size_t> present = position_of(config_json, entries, path);
    if (present) return formats::with_replaced(config_json, entries[*present], entry);
    return formats::with_elements(config_json, {"hooks", "prestart"}, {&entry, 1});
  };
  return doing("reading config.json", add());
}

Result<std::string> remove_prestart_hook(std::string_view config_json, const HostPath& path) {
  TRY(check_json(config_json));
  const std::vector<Span> entries =
      TRY(doing("reading config.json", formats::find_elements(config_json, {"hooks", "prestart"})));
  const std::optional<std::size_t> present = position_of(config_json, entries, path);
  if (!present) return std::string(config_json);
  if (entries.size() > 1) return formats::without(config_json, entries, *present);
  // An empty list, and then an empty object, say nothing.
  const Span top = formats::whole_value(config_json);
  const Span hooks = *TRY(formats::find_value(config_json, {"hooks"}));
  if (formats::members(config_json, hooks).size() > 1)
    return without_member(config_json, hooks, "prestart");
  return without_member(config_json, top, "hooks");
}

}  // namespace gpuhook
