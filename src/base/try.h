// SPDX-License-Identifier: Apache-2.0
// The one macro of the project, and the words that go with it.
#pragma once

#include <string>
#include <utility>

#include "gpuhook/result.h"

namespace gpuhook {

inline tl::unexpected<Error> fail(ErrorKind kind, std::string what, std::string remedy = {}) {
  return tl::unexpected<Error>(
      Error{.kind = kind, .what = std::move(what), .remedy = std::move(remedy)});
}

// Names what was being attempted when `result` turns out to be an error.
template <class T>
Result<T> doing(std::string_view activity, Result<T> result) {
  if (!result) result.error().doing.emplace_back(activity);
  return result;
}

namespace detail {
template <class T>
T take(Result<T>& result) {
  return std::move(*result);
}
inline void take(Status& /*result*/) {}
}  // namespace detail

}  // namespace gpuhook

// The value of a Result, or an early return of its error. Use it in initialisers of variables and
// as a statement; not inside an aggregate's braces, where an early return would leave the members
// before it without their destructors.
#define TRY(expression) GPUHOOK_TRY_AS(expression, __COUNTER__)
// The counter gives nested uses variables of different names.
#define GPUHOOK_TRY_AS(expression, number) GPUHOOK_TRY_PASTE(expression, number)
#define GPUHOOK_TRY_PASTE(expression, number) GPUHOOK_TRY_IN(expression, try_result_##number)
#define GPUHOOK_TRY_IN(expression, result)                                           \
  __extension__({                                                                    \
    auto result = (expression);                                                      \
    if (!result) return tl::unexpected<::gpuhook::Error>(std::move(result).error()); \
    ::gpuhook::detail::take(result);                                                 \
  })
