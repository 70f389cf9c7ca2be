// SPDX-License-Identifier: Apache-2.0
// The hooks.d file of CRI-O and podman: man 5 oci-hooks.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "engines/plans.h"
#include "formats/json.h"
#include "gpuhook/spec.h"

namespace gpuhook {
namespace {

using nlohmann::json;

// Where podman, rootful and rootless, and CRI-O look without being told.
constexpr std::string_view kUsualFile = "/usr/share/containers/oci/hooks.d/gpu-hook.json";
constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;

// Whether we wrote it, for whatever path of the hook.
bool is_ours(std::string_view text) {
  const Result<json> document = formats::parse_json(text, {.bytes = kMaxBytes});
  if (!document || !document->is_object()) return false;
  const Result<const json*> hook = formats::member(*document, "hook");
  if (!hook || *hook == nullptr || !(*hook)->is_object()) return false;
  const auto path = formats::string_member(**hook, "path");
  if (!path || !*path) return false;
  const Result<HostPath> parsed = HostPath::parse(**path);
  return parsed && text == hooks_d_file(*parsed);
}

}  // namespace

std::string hooks_d_file(const HostPath& hook) {
  // `always`: the hook reads the container's own config.json, and is done where it asks for
  // nothing. `env`: else the hook would have the engine's environment.
  const nlohmann::ordered_json file = {{"version", "1.0.0"},
                                       {"hook",
                                        {{"path", hook.text()},
                                         {"args", {"gpu-hook", "createRuntime"}},
                                         {"env", {kHookEnvironment}}}},
                                       {"when", {{"always", true}}},
                                       {"stages", {"createRuntime"}}};
  return file.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

namespace engines {

Result<EngineChanges> plan_hook_file(const EngineSetup& setup, const ReadFile& read) {
  const HostPath file = setup.file.value_or(HostPath::literal(kUsualFile));
  FileChange change{.path = file, .before = TRY(read(file)), .after = std::nullopt};
  if (change.before && !is_ours(*change.before)) {
    return fail(ErrorKind::kRefused, concat(in_quotes(file.text()), " is not as gpu-hook wrote it"),
                "move it away");
  }
  if (!setup.remove) change.after = hooks_d_file(setup.hook);
  EngineChanges changes;
  changes.files.push_back(std::move(change));
  changes.restart = setup.engine == Engine::kPodman
                        ? "no restart needed: podman reads its hooks at each call"
                        : "restart crio for this to take effect: systemctl restart crio";
  return changes;
}

}  // namespace engines
}  // namespace gpuhook
