// SPDX-License-Identifier: Apache-2.0
// The container's /etc/ld.so.cache, rewritten without running anybody's ldconfig.
#pragma once

#include <optional>

#include "apply/target_tree.h"
#include "gpuhook/plan.h"

namespace gpuhook::apply {

// A complete new cache lying beside the old one, to be renamed over it.
struct PendingCache {
  int directory = -1;
  std::string beside;
  std::string name;
};

// Reads the image's cache (as hostile data; an unusable one counts as empty), merges and writes the
// result beside it. Nothing when the cache says it all already.
Result<std::optional<PendingCache>> prepare_cache(sys::Kernel& kernel, TargetTree& tree,
                                                  const UpdateLoaderCache& update, UndoStack& undo);

}  // namespace gpuhook::apply
