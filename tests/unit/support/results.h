// SPDX-License-Identifier: Apache-2.0
// Short ways from a Result to what a test wants to compare.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "gpuhook/result.h"

namespace gpuhook::testing {

// The value; an error fails the test and is shown.
template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(to_line(result.error()));
  return std::move(*result);
}
inline void require(const Status& status) {
  if (!status) throw std::runtime_error(to_line(status.error()));
}

// The error as a line, "no error" for a value.
template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "no error" : to_line(result.error());
}

// The name of the error's kind, "no error" for a value.
template <class T>
std::string error_kind(const Result<T>& result) {
  return result ? "no error" : std::string(name_of(result.error().kind));
}

}  // namespace gpuhook::testing
