// SPDX-License-Identifier: Apache-2.0
// Where a container runtime's callers look for its words: standard error, and the file that they
// name by --log, from which containerd and podman take their own messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/values.h"
#include "runtime_args.h"

namespace gpuhook::hook {

class RuntimeLog {
 public:
  explicit RuntimeLog(const RuntimeArguments& arguments)
      : file_(file_of(arguments.log)), json_(arguments.log_json) {}

  void error(std::string_view line) const;
  void warn(const std::vector<Note>& notes) const;

 private:
  // crun's log can go to journald or syslog; then standard error has to do.
  static std::string file_of(std::string_view log);
  void say(std::string_view level, std::string_view line) const;

  std::string file_;
  bool json_;
};

}  // namespace gpuhook::hook
