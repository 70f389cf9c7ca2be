// SPDX-License-Identifier: Apache-2.0
// GPUs and MIG instances as the kernel module lists them in /proc/driver/nvidia.
#pragma once

#include "gpuhook/inventory.h"
#include "sys/rooted_dir.h"

namespace gpuhook::host {

// Errors: kNoDriver when the module is not loaded.
Result<DriverVersion> read_module_version(const sys::RootedDir& host);

// Fills `gpus` and their `absences`; device numbers come from /proc/devices. Nodes are not looked
// at here.
Status read_gpus(const sys::RootedDir& host, Inventory& inventory);

// Fills `proc` with what a container may see of /proc/driver/nvidia.
void read_proc_files(const sys::RootedDir& host, Inventory& inventory);

}  // namespace gpuhook::host
