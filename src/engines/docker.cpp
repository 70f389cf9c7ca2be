// SPDX-License-Identifier: Apache-2.0
// dockerd's daemon.json. JSON has no comments, so that what was there before is kept in a file
// beside it.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "engines/json_settings.h"
#include "engines/plans.h"

namespace gpuhook::engines {
namespace {

using nlohmann::json;

constexpr std::string_view kUsualFile = "/etc/docker/daemon.json";

std::vector<JsonSetting> wished(const EngineSetup& setup) {
  const std::string name(kRuntimeName);
  std::vector<JsonSetting> settings{
      {.path = {"runtimes", name}, .value = {{"path", setup.runtime.text()}}}};
  if (setup.set_default) settings.push_back({.path = {"default-runtime"}, .value = name});
  if (setup.cdi) settings.push_back({.path = {"features", "cdi"}, .value = true});
  return settings;
}

std::string restart_line(const HostPath& file) {
  // Rootless daemons have their file in the home directory of their user.
  const bool of_user = file.text().find("/.config/") != std::string::npos;
  return concat("restart docker for this to take effect: systemctl ", of_user ? "--user " : "",
                "restart docker");
}

constexpr std::string_view kMemorySuffix = ".gpu-hook";

HostPath memory_of(const HostPath& file) {
  return file.parent() / concat(file.name(), kMemorySuffix);
}

// daemon.json as it was before earlier setups.
Result<JsonFile> before_setup(const std::optional<std::string>& now,
                              const std::optional<std::string>& memory) {
  if (!memory) return JsonFile{.text = now};
  return without_settings(now, TRY(doing("its file of what was replaced", parse_memory(*memory))));
}

void add_change(EngineChanges& changes, const HostPath& path,
                const std::optional<std::string>& before, const std::optional<std::string>& after) {
  // Values that were replaced are nobody's business who may not read daemon.json.
  const std::uint32_t mode = path.text().ends_with(kMemorySuffix) ? 0600 : 0644;
  changes.files.push_back({.path = path, .before = before, .after = after, .mode = mode});
}

}  // namespace

Result<EngineChanges> plan_docker(const EngineSetup& setup, const ReadFile& read) {
  const HostPath file = setup.file.value_or(HostPath::literal(kUsualFile));
  const auto now = TRY(read(file));
  const auto memory = TRY(read(memory_of(file)));
  EngineChanges changes{.files = {}, .remarks = {}, .restart = restart_line(file)};
  const auto edit = [&]() -> Status {
    const JsonFile before = TRY(before_setup(now, memory));
    if (setup.remove) {
      // Only what is out of daemon.json may be forgotten.
      add_change(changes, file, now, before.text);
      add_change(changes, memory_of(file), memory, std::nullopt);
      return {};
    }
    const JsonEdit after = TRY(with_settings(before.text, wished(setup)));
    const bool changed = after.text != before.text;
    add_change(changes, memory_of(file), memory,
               changed ? std::optional(memory_text(after.memory)) : std::nullopt);
    add_change(changes, file, now, after.text);
    return {};
  };
  TRY(doing(in_quotes(file.text()), edit()));
  return changes;
}

}  // namespace gpuhook::engines
