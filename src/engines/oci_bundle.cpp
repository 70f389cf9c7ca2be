// SPDX-License-Identifier: Apache-2.0
// Puts our hook into a bundle's config.json and takes it out again, as text to text.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"
#include "formats/json_text.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook {
namespace {

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

std::string with_replaced(std::string_view text, Span span, std::string_view replacement) {
  return concat(text.substr(0, span.begin), replacement, text.substr(span.end));
}

std::string_view part(std::string_view text, Span span) {
  return text.substr(span.begin, span.end - span.begin);
}

// The blanks before a value: what a new neighbour should begin with.
std::string_view blanks_before(std::string_view text, std::size_t at) {
  const std::size_t last = text.find_last_not_of(" \t\r\n", at == 0 ? 0 : at - 1);
  return last == std::string_view::npos ? std::string_view() : text.substr(last + 1, at - last - 1);
}

// Appends a piece of text as last thing of an object or array, in the style of the things before
// it.
std::string with_appended(std::string_view text, Span container, std::optional<Span> last,
                          std::size_t last_begin, std::string_view piece) {
  if (!last) return with_replaced(text, {container.begin + 1, container.begin + 1}, piece);
  return with_replaced(text, {last->end, last->end},
                       concat(",", blanks_before(text, last_begin), piece));
}

std::string with_member(std::string_view text, Span object, std::string_view piece) {
  const std::vector<Member> all = formats::members(text, object);
  if (all.empty()) return with_appended(text, object, std::nullopt, 0, piece);
  return with_appended(text, object, all.back().value, all.back().key.begin, piece);
}

std::string with_element(std::string_view text, Span array, std::string_view piece) {
  const std::vector<Span> all = formats::elements(text, array);
  if (all.empty()) return with_appended(text, array, std::nullopt, 0, piece);
  return with_appended(text, array, all.back(), all.back().begin, piece);
}

// The text without one of several neighbours, its comma and its blanks.
std::string without(std::string_view text, const std::vector<Span>& neighbours, std::size_t index) {
  if (neighbours.size() == 1) return with_replaced(text, neighbours[0], "");
  if (index == 0) return with_replaced(text, {neighbours[0].begin, neighbours[1].begin}, "");
  return with_replaced(text, {neighbours[index - 1].end, neighbours[index].end}, "");
}

std::vector<Span> whole_members(std::string_view text, Span object) {
  std::vector<Span> spans;
  for (const Member& member : formats::members(text, object))
    spans.push_back({member.key.begin, member.value.end});
  return spans;
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

// Takes out the member of `object` that spans `member`.
std::string without_member(std::string_view text, Span object, const Member& member) {
  const std::vector<Span> all = whole_members(text, object);
  const auto found = std::find(all.begin(), all.end(), Span{member.key.begin, member.value.end});
  return without(text, all, static_cast<std::size_t>(found - all.begin()));
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
