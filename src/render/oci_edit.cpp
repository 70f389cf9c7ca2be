// SPDX-License-Identifier: Apache-2.0
// Puts the pieces into the text.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"
#include "formats/json_edit.h"
#include "gpuhook/spec.h"
#include "render/oci_pieces.h"

namespace gpuhook {
namespace {

using formats::Span;
using render::OciPieces;

constexpr std::string_view kVariable = "NVIDIA_VISIBLE_DEVICES=";

// Later hooks, ours included, take the container for one that asks for nothing. The last of several
// entries counts, so that is the one to replace.
Result<std::string> with_void(std::string_view text, const ContainerSpec& spec) {
  const std::string piece = concat("\"", kVariable, "void\"");
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < spec.env.size(); ++i) {
    if (spec.env[i].starts_with(kVariable)) last = i;
  }
  if (!last) return formats::with_elements(text, {"process", "env"}, {&piece, 1});
  const std::vector<Span> entries = TRY(formats::find_elements(text, {"process", "env"}));
  if (entries.size() != spec.env.size())
    return fail(ErrorKind::kBadInput, "\"process.env\" changed while it was edited");
  return formats::with_replaced(text, entries[*last], piece);
}

// The path of an entry of linux.devices in normal form; empty when it has none.
std::string path_of(std::string_view entry) {
  const Result<nlohmann::json> parsed = formats::parse_json(entry, {.bytes = entry.size()});
  if (!parsed || !parsed->is_object()) return {};
  const auto text = formats::string_member(*parsed, "path");
  const Result<ContainerPath> path = ContainerPath::parse(text && *text ? **text : "");
  return path ? path->text() : std::string();
}

// A device of the same path, which an engine was told to give as well, is replaced: two would make
// the runtime fail.
Result<std::string> with_devices(std::string text, const OciPieces& pieces) {
  std::vector<std::string> added;
  for (std::size_t i = 0; i < pieces.devices.size(); ++i) {
    const std::vector<Span> present = TRY(formats::find_elements(text, {"linux", "devices"}));
    const auto same = std::find_if(present.begin(), present.end(), [&](Span entry) {
      return path_of(formats::part(text, entry)) == pieces.paths[i];
    });
    if (same == present.end()) {
      added.push_back(pieces.devices[i]);
    } else {
      text = formats::with_replaced(text, *same, pieces.devices[i]);
    }
  }
  return formats::with_elements(text, {"linux", "devices"}, added);
}

bool is_toolkit_hook(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "nvidia-container-runtime-hook" || name == "nvidia-container-toolkit";
}

// From the last to the first, so that positions stay right.
Result<std::string> without_toolkit_hooks(std::string text, const ContainerSpec& spec) {
  for (std::size_t i = spec.prestart_hooks.size(); i-- > 0;) {
    if (!is_toolkit_hook(spec.prestart_hooks[i])) continue;
    const std::vector<Span> hooks = TRY(formats::find_elements(text, {"hooks", "prestart"}));
    if (i < hooks.size()) text = formats::without(text, hooks, i);
  }
  return text;
}

Result<std::string> with_pieces(std::string_view config_json, const ContainerSpec& spec,
                                const SpecEdit& edit, const OciPieces& pieces) {
  const std::string hook = render::hook_piece(edit.hook);
  std::string text = TRY(without_toolkit_hooks(std::string(config_json), spec));
  text = TRY(with_void(text, spec));
  text = TRY(formats::with_elements(text, {"process", "user", "additionalGids"}, pieces.gids));
  text = TRY(formats::with_elements(text, {"mounts"}, pieces.mounts));
  text = TRY(with_devices(std::move(text), pieces));
  text = TRY(formats::with_elements(text, {"linux", "resources", "devices"}, pieces.rules));
  text = TRY(formats::with_elements(text, {"hooks", "createRuntime"}, {&hook, 1}));
  return formats::with_member(text, {"annotations", kInjectedAnnotation},
                              concat("\"", edit.fingerprint, "\""));
}

}  // namespace

Result<EditedSpec> edit_oci_spec(std::string_view config_json, const ContainerSpec& spec,
                                 const SpecEdit& edit) {
  const auto make = [&]() -> Result<EditedSpec> {
    OciPieces pieces = TRY(render::oci_pieces(spec, edit));
    EditedSpec edited;
    edited.config_json = TRY(with_pieces(config_json, spec, edit, pieces));
    edited.notes = std::move(pieces.notes);
    return edited;
  };
  return doing("editing config.json", make());
}

}  // namespace gpuhook
