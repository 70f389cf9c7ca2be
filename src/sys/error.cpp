// SPDX-License-Identifier: Apache-2.0
// An errno as an Error.
#include "sys/error.h"

namespace gpuhook::sys {

tl::unexpected<Error> failed(std::string what, int number) {
  Error error{.kind = ErrorKind::kSystem, .what = std::move(what), .sys_errno = number};
  if (number == ENOENT || number == ESRCH) error.kind = ErrorKind::kNotFound;
  if (number == ENOSYS) {
    error.kind = ErrorKind::kUnsupported;
    error.remedy =
        "Linux 5.12 or newer is needed, and a sandbox around the container runtime must not block "
        "this call";
  }
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace gpuhook::sys
