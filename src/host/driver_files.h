// SPDX-License-Identifier: Apache-2.0
// The driver's files in a driver root.
#pragma once

#include "gpuhook/inventory.h"
#include "sys/rooted_dir.h"

namespace gpuhook::host {

// Fills `files` and `absences` with what belongs to `inventory.driver` exactly.
// Errors: kNoDriver when no library of that version is there; the message names the versions that
// are.
Status read_driver_files(const sys::RootedDir& root, Inventory& inventory,
                         OmissionSet leave_out = {});

}  // namespace gpuhook::host
