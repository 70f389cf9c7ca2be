// SPDX-License-Identifier: Apache-2.0
// How every function of the library says that it could not do its work: as a value.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace gpuhook {

// What kind of obstacle was met. Callers decide by kind, people read `what` and `remedy`.
enum class ErrorKind {
  kBadInput,          // text that somebody gave us is malformed or contradicts itself
  kNotFound,          // a named object (device id, file, process) does not exist
  kUnmetRequirement,  // a NVIDIA_REQUIRE_* expression is false on this host
  kNoDriver,          // no usable NVIDIA driver on this host
  kUnsupported,       // the kernel or the machine lacks something that is needed
  kRefused,           // doing it would be unsafe; nothing was changed
  kSystem,            // the kernel said no, see sys_errno
};

// One obstacle, with everything that its reader needs. Texts are lower case, without a final
// period; names that come from outside are quoted and escaped.
struct Error {
  ErrorKind kind = ErrorKind::kSystem;
  std::string what;         // what failed, with operands: "move_mount onto \"/dev/nvidia0\""
  std::string remedy = {};  // how to mend it; empty when nobody can know
  int sys_errno = 0;        // 0 when the kernel was not asked
  std::vector<std::string> doing{};  // what was being attempted, innermost first

  bool operator==(const Error&) const = default;
};

// A T, or the Error that stood in its way. tl::expected, except that ignoring one is a warning.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Value = T;
  using tl::expected<T, Error>::expected;
};
using Status = Result<void>;

// The error as one printable line: "doing: doing: what: ERRNO (text); remedy". Never contains a
// line break.
std::string to_line(const Error& error);

// The name of a kind as it appears in JSON, such as "unmet-requirement".
std::string_view name_of(ErrorKind kind);

}  // namespace gpuhook
