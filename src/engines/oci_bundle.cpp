// SPDX-License-Identifier: Apache-2.0
// Puts our hook into a bundle's config.json and takes it out again, as text to text.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "engines/json_edit.h"
#include "formats/json.h"
#include "formats/json_text.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook {
namespace {

using engines::part;
using engines::with_element;
using engines::with_member;
using engines::with_replaced;
using engines::without;
using engines::without_member;
using formats::Member;
using formats::Span;

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20U;

// The hook entry. Its `env` is never left out: a runtime would let the hook inherit somebody's
// environment instead.
std::string hook_entry(const HostPath& path) {
  const nlohmann::ordered_json entry = {{"path", path.text()},
                                        {"args", {std::string(path.name()), "prestart"}},
                                        {"env", {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}};
  return entry.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// Where the hook list is; nothing for a missing part.
struct HookPlaces {
  Span config;
  std::optional<Member> hooks;
  std::optional<Member> prestart;
};

bool is_null(std::string_view text, const Member& member) {
  return part(text, member.value) == "null";
}

Result<HookPlaces> find_hooks(std::string_view text) {
  const nlohmann::json config = TRY(formats::parse_json(text, {.bytes = kMaxConfigBytes}));
  const nlohmann::json* const hooks = TRY(formats::member(config, "hooks"));
  HookPlaces places{
      .config = formats::whole_value(text), .hooks = std::nullopt, .prestart = std::nullopt};
  if (hooks == nullptr) return places;
  places.hooks = formats::find_member(text, places.config, "hooks");
  if (!places.hooks || !(hooks->is_object() || hooks->is_null()))
    return fail(ErrorKind::kBadInput, "\"hooks\" is not an object");
  if (hooks->is_null()) return places;
  const nlohmann::json* const prestart = TRY(formats::member(*hooks, "prestart"));
  if (prestart == nullptr) return places;
  places.prestart = formats::find_member(text, places.hooks->value, "prestart");
  if (!places.prestart || !(prestart->is_array() || prestart->is_null())) {
    return fail(ErrorKind::kBadInput, "\"hooks.prestart\" is not a list");
  }
  return places;
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
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](Span entry) { return runs(part(text, entry), path); });
  if (found == entries.end()) return std::nullopt;
  return static_cast<std::size_t>(found - entries.begin());
}

std::string with_hook(std::string_view text, const HookPlaces& places, const HostPath& path) {
  const std::string entry = hook_entry(path);
  const std::string list = concat("[", entry, "]");
  const std::string member = concat("\"prestart\": ", list);
  if (!places.hooks) return with_member(text, places.config, concat("\"hooks\": {", member, "}"));
  if (is_null(text, *places.hooks))
    return with_replaced(text, places.hooks->value, concat("{", member, "}"));
  if (!places.prestart) return with_member(text, places.hooks->value, member);
  if (is_null(text, *places.prestart)) return with_replaced(text, places.prestart->value, list);
  const std::vector<Span> entries = formats::elements(text, places.prestart->value);
  const std::optional<std::size_t> present = position_of(text, entries, path);
  if (present) return with_replaced(text, entries[*present], entry);
  return with_element(text, places.prestart->value, entry);
}

}  // namespace

Result<std::string> add_prestart_hook(std::string_view config_json, const HostPath& path) {
  const HookPlaces places = TRY(doing("reading config.json", find_hooks(config_json)));
  return with_hook(config_json, places, path);
}

Result<std::string> remove_prestart_hook(std::string_view config_json, const HostPath& path) {
  const HookPlaces places = TRY(doing("reading config.json", find_hooks(config_json)));
  if (!places.prestart || is_null(config_json, *places.prestart)) return std::string(config_json);
  const std::vector<Span> entries = formats::elements(config_json, places.prestart->value);
  const std::optional<std::size_t> present = position_of(config_json, entries, path);
  if (!present) return std::string(config_json);
  if (entries.size() > 1) return without(config_json, entries, *present);
  // An empty list, and then an empty object, say nothing.
  if (formats::members(config_json, places.hooks->value).size() > 1) {
    return without_member(config_json, places.hooks->value, *places.prestart);
  }
  return without_member(config_json, places.config, *places.hooks);
}

}  // namespace gpuhook
