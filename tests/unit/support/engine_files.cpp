// SPDX-License-Identifier: Apache-2.0
#include "support/engine_files.h"

#include <stdexcept>

#include "support/results.h"

namespace gpuhook::testing {

EngineSetup setup_of(Engine engine, const std::string& file) {
  EngineSetup setup;
  setup.engine = engine;
  setup.runtime = HostPath::literal("/usr/bin/gpu-hook-runtime");
  setup.hook = HostPath::literal("/usr/bin/gpu-hook");
  if (!file.empty()) setup.file = HostPath::literal(file);
  return setup;
}

EngineSetup removal_of(EngineSetup setup) {
  setup.set_default = setup.cdi = false;
  setup.remove = true;
  return setup;
}

Result<EngineChanges> planned(const EngineFiles& files, const EngineSetup& setup) {
  return plan_engine_setup(setup, [&](const HostPath& path) -> Result<std::optional<std::string>> {
    const auto found = files.find(path.text());
    if (found == files.end()) return std::optional<std::string>();
    return std::optional(found->second);
  });
}

EngineFiles applied(EngineFiles files, const EngineSetup& setup) {
  for (const FileChange& change : value_of(planned(files, setup)).files) {
    const auto found = files.find(change.path.text());
    if (change.before != (found == files.end() ? std::nullopt : std::optional(found->second)))
      throw std::runtime_error("a change of another file than there is");
    if (change.after) {
      files[change.path.text()] = *change.after;
    } else {
      files.erase(change.path.text());
    }
  }
  return files;
}

}  // namespace gpuhook::testing
