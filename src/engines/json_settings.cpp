// SPDX-License-Identifier: Apache-2.0
// One setting after the other is written into the text, in the style of what is around it.
#include "engines/json_settings.h"

#include <algorithm>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"
#include "formats/json_edit.h"

namespace gpuhook::engines {
namespace {

using formats::Member;
using formats::Span;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
constexpr std::string_view kIndent = "    ";  // where the file itself shows no other

Result<json> parsed_object(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf"))
    return fail(ErrorKind::kBadInput, "it begins with a byte order mark", "save it without one");
  Result<json> parsed = formats::parse_json(text, {.bytes = kMaxBytes});
  if (!parsed) parsed.error().remedy = "mend it; `jq . FILE` shows the line";
  json document = TRY(std::move(parsed));
  if (!document.is_object())
    return fail(ErrorKind::kBadInput, "it is not a JSON object", "mend the file, or move it away");
  return document;
}

// --- style
// -------------------------------------------------------------------------------------------

struct Style {
  bool lines = true;  // a member a line
  std::string unit;   // of indentation
  std::string_view line_end = "\n";
};

std::string_view after_line_end(std::string_view blanks) {
  return blanks.substr(blanks.rfind('\n') + 1);
}

Style style_of(std::string_view text) {
  Style style{.lines = true, .unit = std::string(kIndent)};
  if (text.find("\r\n") != std::string_view::npos) style.line_end = "\r\n";
  const std::vector<Member> all = formats::members(text, formats::whole_value(text));
  if (all.empty()) return style;
  const std::string_view blanks = formats::blanks_before(text, all.front().key.begin);
  style.lines = blanks.find('\n') != std::string_view::npos;
  if (style.lines && !after_line_end(blanks).empty()) style.unit = after_line_end(blanks);
  return style;
}

std::string dumped(const json& value, int indent = -1, char blank = ' ') {
  return value.dump(indent, blank, false, json::error_handler_t::replace);
}

// A value as text; its own lines begin with `indent`.
std::string spelled(const json& value, const Style& style, std::string_view indent) {
  if (!style.lines) return dumped(value);
  const std::string plain = dumped(value, static_cast<int>(style.unit.size()), style.unit.front());
  std::string out;
  for (const std::string_view line : lines(plain))
    out += concat(out.empty() ? "" : concat(style.line_end, indent), line);
  return out;
}

std::string spelled_member(const std::string& name, const json& value, const Style& style,
                           std::string_view indent) {
  const std::string_view blank = style.lines ? " " : "";
  return concat(dumped(name), ":", blank, spelled(value, style, indent));
}

// The blanks at the beginning of the line that a place is in.
std::string_view line_indent(std::string_view text, std::size_t at) {
  const std::string_view line = text.substr(text.rfind('\n', at) + 1);
  return line.substr(0, std::min(line.find_first_not_of(" \t"), line.size()));
}

// --- one setting
// -------------------------------------------------------------------------------------

// How far a path exists in a text.
struct Way {
  Span object;                   // the last object there is
  std::size_t depth = 0;         // how many parts of the path lead to it
  std::optional<Member> member;  // what the next part names in it
};

// Whether a name is in an object and the text finds it; an escape in a key hides it from the text.
Result<std::optional<Member>> member_of(std::string_view text, const json& object, Span span,
                                        const std::string& name) {
  const std::optional<Member> found = formats::find_member(text, span, name);
  if (object.contains(name) != found.has_value()) {
    return fail(ErrorKind::kBadInput,
                concat("the key ", in_quotes(name), " is written with escapes"),
                "write it without");
  }
  (void)TRY(formats::member(object, name));  // a twin in other case: dockerd takes either
  return found;
}

Result<Way> way_to(std::string_view text, const json& document,
                   const std::vector<std::string>& path) {
  Way way{.object = formats::whole_value(text)};
  const json* at = &document;
  for (std::size_t i = 0; i < path.size(); ++i) {
    way.depth = i;
    way.member = TRY(member_of(text, *at, way.object, path[i]));
    if (!way.member || i + 1 == path.size()) return way;
    at = &(*at)[path[i]];
    if (!at->is_object()) {
      return fail(ErrorKind::kBadInput, concat(in_quotes(path[i]), " is not an object"),
                  "make it one, or take it out");
    }
    way.object = way.member->value;
  }
  return way;
}

// An object without members becomes one with the piece; its own text is remembered.
std::string filled(std::string_view text, Span object, std::string_view piece, const Style& style,
                   std::string_view indent) {
  if (!style.lines) return formats::with_replaced(text, object, concat("{", piece, "}"));
  return formats::with_replaced(
      text, object,
      concat("{", style.line_end, indent, style.unit, piece, style.line_end, indent, "}"));
}

std::string inserted(std::string_view text, const Way& way, const JsonSetting& setting,
                     JsonUndo& undo) {
  json value = setting.value;
  for (std::size_t i = setting.path.size() - 1; i > way.depth; --i) {
    json outer = json::object();
    outer[setting.path[i]] = std::move(value);
    value = std::move(outer);
  }
  undo.made = setting.path.size() - 1 - way.depth;
  const std::string& name = setting.path[way.depth];
  Style style = style_of(text);
  const std::vector<Member> all = formats::members(text, way.object);
  if (all.empty()) {
    undo.empty = formats::part(text, way.object);
    const std::string_view outer = line_indent(text, way.object.begin);
    const std::string piece = spelled_member(name, value, style, concat(outer, style.unit));
    return filled(text, way.object, piece, style, outer);
  }
  const std::string_view blanks = formats::blanks_before(text, all.back().key.begin);
  style.lines = style.lines && blanks.find('\n') != std::string_view::npos;
  return formats::with_new_member(text, way.object,
                                  spelled_member(name, value, style, after_line_end(blanks)));
}

Result<std::string> set(std::string_view text, const JsonSetting& setting, JsonMemory& memory) {
  const json document = TRY(parsed_object(text));
  const Way way = TRY(way_to(text, document, setting.path));
  JsonUndo undo{.path = setting.path, .wrote = setting.value};
  std::string after;
  if (way.member) {
    const json now =
        TRY(formats::parse_json(formats::part(text, way.member->value), {.bytes = kMaxBytes}));
    if (now == setting.value) return std::string(text);
    undo.was = formats::part(text, way.member->value);
    after = formats::with_replaced(
        text, way.member->value,
        spelled(setting.value, style_of(text), line_indent(text, way.member->key.begin)));
  } else {
    after = inserted(text, way, setting, undo);
  }
  memory.undo.push_back(std::move(undo));
  return after;
}

// --- undoing
// -----------------------------------------------------------------------------------------

std::vector<std::string> first_parts(const std::vector<std::string>& path, std::size_t count) {
  return {path.begin(), path.begin() + static_cast<std::ptrdiff_t>(count)};
}

// Takes out the member that a path leads to; with `only_empty`, if it is an object without members.
Result<std::string> without_path(std::string_view text, const std::vector<std::string>& path,
                                 bool only_empty, bool& done) {
  const Way way = TRY(way_to(text, TRY(parsed_object(text)), path));
  done = way.member && way.depth + 1 == path.size() &&
         (!only_empty || formats::members(text, way.member->value).empty());
  return done ? formats::without_member(text, way.object, *way.member) : std::string(text);
}

// The object that had no members gets its own text again.
Result<std::string> emptied(std::string_view text, const JsonUndo& undo) {
  const std::size_t depth = undo.path.size() - 1 - undo.made;
  const Way way = TRY(way_to(text, TRY(parsed_object(text)), undo.path));
  if (way.depth != depth || !formats::members(text, way.object).empty()) return std::string(text);
  return formats::with_replaced(text, way.object, *undo.empty);
}

Result<std::string> undone(std::string_view text, const JsonUndo& undo) {
  const json document = TRY(parsed_object(text));
  const Way way = TRY(way_to(text, document, undo.path));
  if (!way.member || way.depth + 1 != undo.path.size()) return std::string(text);
  const json now =
      TRY(formats::parse_json(formats::part(text, way.member->value), {.bytes = kMaxBytes}));
  if (now != undo.wrote) return std::string(text);  // somebody else's by now
  if (undo.was) return formats::with_replaced(text, way.member->value, *undo.was);
  bool done = false;
  std::string after = TRY(without_path(text, undo.path, false, done));
  for (std::size_t made = 0; made < undo.made && done; ++made) {
    const auto object = first_parts(undo.path, undo.path.size() - 1 - made);
    after = TRY(without_path(after, object, true, done));
  }
  if (done && undo.empty) after = TRY(emptied(after, undo));
  return after;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

json::json_pointer pointer(const std::vector<std::string>& path) {
  json::json_pointer out;
  for (const std::string& name : path) out /= name;
  return out;
}

}  // namespace

Result<JsonEdit> with_settings(const std::optional<std::string>& text,
                               const std::vector<JsonSetting>& settings) {
  JsonEdit edit;
  edit.memory.blank = !text || is_blank(*text);
  if (edit.memory.blank) edit.memory.blank_text = text;
  edit.text = edit.memory.blank ? "{}\n" : *text;
  json expected = TRY(parsed_object(edit.text));
  for (const JsonSetting& setting : settings) {
    edit.text = TRY(set(edit.text, setting, edit.memory));
    expected[pointer(setting.path)] = setting.value;
  }
  if (TRY(parsed_object(edit.text)) == expected) return edit;
  return fail(ErrorKind::kBadInput, "what is to be written would say something else than it should",
              "write every member of the file on a line of its own");
}

Result<JsonFile> without_settings(const std::optional<std::string>& text,
                                  const JsonMemory& memory) {
  if (!text || is_blank(*text)) return JsonFile{.text = text};
  std::string now = *text;
  for (auto undo = memory.undo.rbegin(); undo != memory.undo.rend(); ++undo)
    now = TRY(undone(now, *undo));
  const bool empty = TRY(parsed_object(now)).empty();
  if (empty && memory.blank) return JsonFile{.text = memory.blank_text};
  return JsonFile{.text = std::move(now)};
}

}  // namespace gpuhook::engines
