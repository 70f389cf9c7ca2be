// SPDX-License-Identifier: Apache-2.0
// Nodes beyond the driver's own: the graphics subsystem's, IMEX channels, storage, RDMA, switches.
#pragma once

#include "gpuhook/inventory.h"
#include "sys/rooted_dir.h"

namespace gpuhook::host {

// Fills the GPUs' `drm`, `imex_channels`, `feature_nodes`, `feature_files` and `mps_directory`.
// Whatever is missing or has another number than the kernel says is left out; nodes that the kernel
// announces and that are not there become absences.
Status read_feature_nodes(const sys::RootedDir& host, const sys::RootedDir& device_root,
                          OmissionSet leave_out, Inventory& inventory);

}  // namespace gpuhook::host
