// SPDX-License-Identifier: Apache-2.0
// The driver's libraries, 64-bit and 32-bit.
#pragma once

#include "formats/elf_facts.h"
#include "host/library_search.h"

namespace gpuhook::host {

// Fills `files` and `absences` with the libraries in the directories of `search`.
// Errors: kNoDriver when there is no 64-bit library of the module's version; the message names the
// versions that are installed.
Status read_driver_libraries(const LibrarySearch& search);

Result<formats::ElfFacts> elf_facts(const sys::RootedDir& root, const HostPath& path);

}  // namespace gpuhook::host
