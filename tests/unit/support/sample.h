// SPDX-License-Identifier: Apache-2.0
// One host and one container that the tests of plan and render share.
//
//   GPU 0  minor 3  0000:0a:00.0  GPU-00000000-...-00000000000a
//   GPU 1  minor 1  0000:0b:00.0  GPU-00000000-...-00000000000b, MIG: gi1/ci0, gi1/ci1, gi2/ci0
//   driver 550.54.15: libcuda, libnvidia-ml, libnvidia-encode, libnvidia-unknown, nvidia-smi,
//   firmware, persistenced socket; libnvidia-nscq is absent
#pragma once

#include <string>

#include "gpuhook/gpuhook.h"

namespace gpuhook::testing {

inline const std::string kFirstUuid = "GPU-00000000-0000-0000-0000-00000000000a";
inline const std::string kSecondUuid = "GPU-00000000-0000-0000-0000-00000000000b";

Inventory sample_inventory();

// libNAME.so.550.54.15 in /usr/lib64 of the host.
DriverFile library(const std::string& name, const std::string& soname, CapabilitySet capabilities);

}  // namespace gpuhook::testing
