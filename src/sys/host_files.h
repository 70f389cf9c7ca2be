// SPDX-License-Identifier: Apache-2.0
// Making and removing files of the host.
#pragma once

#include <string>
#include <string_view>

#include "gpuhook/values.h"

namespace gpuhook::sys {

// Makes a regular file of mode 0644 with the given content: another sees all of it or nothing.
// Missing directories are made with mode 0755 (and through the umask, as the file).
// Errors: kSystem, also when something of that name exists.
Status make_file(const HostPath& path, std::string_view content, std::uint32_t mode);

Status remove_file(const HostPath& path);

// Whether an entry of a directory is a symbolic link; false when there is none of that name.
Result<bool> is_link(int directory, const std::string& name);

}  // namespace gpuhook::sys
