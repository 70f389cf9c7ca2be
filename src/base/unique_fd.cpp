// SPDX-License-Identifier: Apache-2.0
// Closing is the one kernel call that the base layer makes.
#include "base/unique_fd.h"

#include <unistd.h>

namespace gpuhook {

void UniqueFd::reset(int fd) {
  // close() releases the descriptor whatever it returns, and there is nobody to tell.
  if (fd_ >= 0) (void)close(fd_);
  fd_ = fd;
}

}  // namespace gpuhook
