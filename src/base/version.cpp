// SPDX-License-Identifier: Apache-2.0
// The version, told by the build.
#include "gpuhook/gpuhook.h"

namespace gpuhook {

std::string_view library_version() { return GPUHOOK_VERSION; }

}  // namespace gpuhook
