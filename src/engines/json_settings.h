// SPDX-License-Identifier: Apache-2.0
// Settings in a JSON file that can be taken out again: what they replaced is remembered.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/result.h"

namespace gpuhook::engines {

struct JsonSetting {
  std::vector<std::string> path;  // of objects in objects, the last being the member
  nlohmann::json value;
};

// How a setting is undone.
struct JsonUndo {
  std::vector<std::string> path;
  nlohmann::json wrote;            // undone only where this still stands
  std::optional<std::string> was;  // the text of the value that it replaced
  std::size_t made = 0;            // how many objects on the path were made for it
  // The text of the object that got the first new member, where it had none: its blanks would be
  // lost.
  std::optional<std::string> empty;
};

// All of one file, to be undone from the last to the first.
struct JsonMemory {
  std::vector<JsonUndo> undo;
  // What there was in place of an object: nothing for no file, else blanks.
  bool blank = false;
  std::optional<std::string> blank_text;
};

struct JsonFile {
  std::optional<std::string> text;  // nothing: no file
};

struct JsonEdit {
  std::string text;
  JsonMemory memory;
};

// Errors: kBadInput when the text is not a JSON object, or something else than an object is on the
// way to a setting.
Result<JsonEdit> with_settings(const std::optional<std::string>& text,
                               const std::vector<JsonSetting>& settings);
Result<JsonFile> without_settings(const std::optional<std::string>& text, const JsonMemory& memory);

std::string memory_text(const JsonMemory& memory);
Result<JsonMemory> parse_memory(std::string_view text);

}  // namespace gpuhook::engines
