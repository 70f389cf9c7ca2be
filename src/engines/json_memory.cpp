// SPDX-License-Identifier: Apache-2.0
// The file that remembers what settings replaced:
//
//   {"gpu-hook": 1, "blank": false, "undo": [
//     {"path": ["default-runtime"], "wrote": "nvidia", "was": "\"runc\"", "made": 0}]}
#include "base/text.h"
#include "base/try.h"
#include "engines/json_settings.h"
#include "formats/json.h"

namespace gpuhook::engines {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
constexpr std::int64_t kForm = 1;

tl::unexpected<Error> not_ours() {
  return fail(ErrorKind::kBadInput, "not as gpu-hook wrote it",
              "mend it or move it away; gpu-hook then forgets what it replaced");
}

json as_json(const JsonUndo& undo) {
  json out{{"path", undo.path}, {"wrote", undo.wrote}, {"made", undo.made}};
  if (undo.was) out["was"] = *undo.was;
  if (undo.empty) out["empty"] = *undo.empty;
  return out;
}

Result<JsonUndo> parse_undo(const json& entry) {
  if (!entry.is_object() || !entry.contains("wrote")) return not_ours();
  JsonUndo undo;
  undo.path = TRY(formats::string_list_member(entry, "path"));
  undo.wrote = entry["wrote"];
  undo.was = TRY(formats::string_member(entry, "was"));
  undo.empty = TRY(formats::string_member(entry, "empty"));
  const auto made = TRY(formats::integer_member(entry, "made"));
  if (undo.path.empty() || !made || *made < 0 ||
      static_cast<std::uint64_t>(*made) >= undo.path.size())
    return not_ours();
  undo.made = static_cast<std::size_t>(*made);
  return undo;
}

}  // namespace

std::string memory_text(const JsonMemory& memory) {
  json undo = json::array();
  for (const JsonUndo& entry : memory.undo) undo.push_back(as_json(entry));
  json out{{"gpu-hook", kForm}, {"blank", memory.blank}, {"undo", std::move(undo)}};
  if (memory.blank_text) out["blank-text"] = *memory.blank_text;
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<JsonMemory> parse_memory(std::string_view text) {
  const json document = TRY(formats::parse_json(text, {.bytes = kMaxBytes}));
  if (!document.is_object() || !document.contains("undo") || !document["undo"].is_array() ||
      !document.contains("blank") || !document["blank"].is_boolean() ||
      TRY(formats::integer_member(document, "gpu-hook")) != kForm)
    return not_ours();
  JsonMemory memory;
  memory.blank = document["blank"].get<bool>();
  memory.blank_text = TRY(formats::string_member(document, "blank-text"));
  for (const json& entry : document["undo"]) memory.undo.push_back(TRY(parse_undo(entry)));
  return memory;
}

}  // namespace gpuhook::engines
