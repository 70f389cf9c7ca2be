// SPDX-License-Identifier: Apache-2.0
// Which engine is meant, and what all of them are held to.
#include <algorithm>

#include "base/text.h"
#include "base/try.h"
#include "engines/plans.h"

namespace gpuhook {
namespace {

using Plan = Result<EngineChanges> (*)(const EngineSetup& setup, const ReadFile& read);

struct Known {
  std::string_view name;
  Plan plan;
  bool has_hooks = false;
};

const Known& known(Engine engine) {
  static constexpr std::array<Known, kAllEngines.size()> kKnown{{
      {.name = "docker", .plan = &engines::plan_docker},
      {.name = "containerd", .plan = &engines::plan_containerd},
      {.name = "crio", .plan = &engines::plan_crio, .has_hooks = true},
      {.name = "podman", .plan = &engines::plan_podman, .has_hooks = true},
      {.name = "k3s", .plan = &engines::plan_k3s},
      {.name = "rke2", .plan = &engines::plan_k3s},
      {.name = "microk8s", .plan = &engines::plan_containerd},
  }};
  return kKnown.at(static_cast<std::size_t>(engine));
}

// What is spelled alike in JSON, TOML and Go templates.
Status check_spelling(const HostPath& path) {
  const bool plain = std::all_of(path.text().begin(), path.text().end(), [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("\"'\\{}").find(c) == std::string_view::npos;
  });
  if (plain) return {};
  return fail(ErrorKind::kBadInput,
              concat("the path ", in_quotes(path.text()),
                     " has blanks, quotes or other characters "
                     "that configuration files spell differently"),
              "put the program elsewhere");
}

Result<EngineChanges> plan_part(const EngineSetup& setup, const ReadFile& read) {
  return setup.hook_file ? engines::plan_hook_file(setup, read)
                         : known(setup.engine).plan(setup, read);
}

// A runtime and a hook for the same containers would be one too many, and to remove is to remove
// both. What somebody else has written is left where it is.
void take_other_part_back(const EngineSetup& setup, const ReadFile& read, EngineChanges& changes) {
  const bool only_hook = setup.remove && setup.hook_file;
  if (!known(setup.engine).has_hooks || setup.file || only_hook) return;
  EngineSetup other = setup;
  other.hook_file = !setup.hook_file;
  other.remove = true;
  const Result<EngineChanges> more = plan_part(other, read);
  if (more) changes.files.insert(changes.files.end(), more->files.begin(), more->files.end());
}

}  // namespace

std::string_view name_of(Engine engine) { return known(engine).name; }

Result<Engine> parse_engine(std::string_view name) {
  std::vector<std::string> names;
  for (const Engine engine : kAllEngines) {
    if (name_of(engine) == name) return engine;
    names.emplace_back(name_of(engine));
  }
  return fail(ErrorKind::kBadInput, concat("unknown engine ", in_quotes(name)),
              concat("known engines: ", joined(names, ", ")));
}

Result<EngineChanges> plan_engine_setup(const EngineSetup& setup, const ReadFile& read) {
  const Known& engine = known(setup.engine);
  if (!setup.remove) TRY(check_spelling(setup.hook_file ? setup.hook : setup.runtime));
  if (setup.hook_file && !engine.has_hooks) {
    return fail(ErrorKind::kRefused, concat(engine.name, " reads no hooks.d files"),
                "set up the runtime, without --hook");
  }
  EngineChanges changes = TRY(doing(concat("setting up ", engine.name), plan_part(setup, read)));
  take_other_part_back(setup, read, changes);
  std::erase_if(changes.files, [](const FileChange& file) { return file.before == file.after; });
  return changes;
}

}  // namespace gpuhook
