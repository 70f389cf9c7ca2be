// SPDX-License-Identifier: Apache-2.0
// The one place where an Error becomes words.
#include "gpuhook/result.h"

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace gpuhook {
namespace {

// strerrorname_np gives "ENOENT"; it is glibc's own (2.32) and independent of the locale.
std::string errno_text(int number) {
  const char* const name = strerrorname_np(number);
  const char* const description = strerrordesc_np(number);
  if (name == nullptr || description == nullptr) return concat("errno ", number);
  return concat(name, " (", description, ")");
}

}  // namespace

std::string to_line(const Error& error) {
  std::string line;
  for (auto activity = error.doing.rbegin(); activity != error.doing.rend(); ++activity)
    line += *activity + ": ";
  line += error.what;
  if (error.sys_errno != 0) line += ": " + errno_text(error.sys_errno);
  if (!error.remedy.empty()) line += "; " + error.remedy;
  return one_line(std::move(line));
}

std::string_view name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadInput:
      return "bad-input";
    case ErrorKind::kNotFound:
      return "not-found";
    case ErrorKind::kUnmetRequirement:
      return "unmet-requirement";
    case ErrorKind::kNoDriver:
      return "no-driver";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kRefused:
      return "refused";
    case ErrorKind::kSystem:
      return "system";
  }
  return "unknown";
}

}  // namespace gpuhook
