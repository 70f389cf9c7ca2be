// SPDX-License-Identifier: Apache-2.0
// An errno as an Error.
#pragma once

#include <cerrno>
#include <string>

#include "base/try.h"

namespace gpuhook::sys {

// The kind follows from the number: ENOSYS is kUnsupported, ENOENT and ESRCH are kNotFound, the
// others kSystem.
tl::unexpected<Error> failed(std::string what, int number);

// Calls until the call was not interrupted by a signal.
template <class Call>
auto retried(Call call) -> decltype(call()) {
  decltype(call()) result{};
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace gpuhook::sys
