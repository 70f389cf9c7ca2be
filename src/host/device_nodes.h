// SPDX-License-Identifier: Apache-2.0
// Which of the driver's device nodes exist, with the number they must have. Nodes are looked at,
// never opened.
#pragma once

#include <optional>
#include <string>

#include "gpuhook/inventory.h"
#include "sys/rooted_dir.h"

namespace gpuhook::host {

// Who may open a node, from its inode.
NodeAccess access_of(const sys::FileStatus& status);

// Nothing when the node is there with its number, and then `access` is filled; otherwise what is
// wrong with it.
std::optional<std::string> look_up(const sys::RootedDir& device_root, DeviceNode& node);

// Fills `control_nodes`, the `problem` of each GPU whose node is unusable, and absences.
Status read_device_nodes(const sys::RootedDir& host, const sys::RootedDir& device_root,
                         Inventory& inventory);

}  // namespace gpuhook::host
