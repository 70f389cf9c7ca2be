// SPDX-License-Identifier: Apache-2.0
// Which CUDA version a driver branch serves.
#pragma once

#include <string_view>

#include "gpuhook/values.h"

namespace gpuhook::host {

// The highest CUDA version of the newest known branch that is not newer than `driver`; empty below
// branch 418. A branch newer than the table gets the table's last version, which is at most too
// low.
std::string_view cuda_version_of(const DriverVersion& driver);

}  // namespace gpuhook::host
