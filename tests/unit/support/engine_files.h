// SPDX-License-Identifier: Apache-2.0
// Configuration files of engines in memory, and setups applied to them.
#pragma once

#include <map>
#include <string>

#include "gpuhook/engines.h"

namespace gpuhook::testing {

using EngineFiles = std::map<std::string, std::string>;

EngineSetup setup_of(Engine engine, const std::string& file = {});
EngineSetup removal_of(EngineSetup setup);

Result<EngineChanges> planned(const EngineFiles& files, const EngineSetup& setup);

// The files afterwards. An error fails the test, and so does a change that does not fit `files`.
EngineFiles applied(EngineFiles files, const EngineSetup& setup);

}  // namespace gpuhook::testing
