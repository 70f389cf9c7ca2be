// SPDX-License-Identifier: Apache-2.0
// The state document a runtime writes to a hook's standard input (OCI runtime specification,
// "State").
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxStateBytes = std::size_t{1} << 20U;

// runc before 1.0.0-rc5 wrote "bundlePath".
Result<HostPath> bundle_of(const nlohmann::json& state) {
  std::optional<std::string> bundle = TRY(formats::string_member(state, "bundle"));
  if (!bundle) bundle = TRY(formats::string_member(state, "bundlePath"));
  if (!bundle) return fail(ErrorKind::kBadInput, "no \"bundle\"");
  return doing("reading \"bundle\"", HostPath::parse(*bundle));
}

Result<std::int64_t> pid_of(const nlohmann::json& state) {
  const std::optional<std::int64_t> pid = TRY(formats::integer_member(state, "pid"));
  if (!pid) return fail(ErrorKind::kBadInput, "no \"pid\"");
  // At createContainer runc says 1 and crun says 0, while /proc is still the host's: 1 would be the
  // host's init.
  if (*pid < 2 || *pid > INT32_MAX) {
    return fail(ErrorKind::kBadInput,
                concat("pid ", *pid, " cannot be a container's first process as the host sees it"),
                "register the hook at stage prestart or createRuntime");
  }
  return *pid;
}

// Not part of the OCI specification; a relative path is as config.json has it, and of no use.
Result<std::optional<HostPath>> root_of(const nlohmann::json& state) {
  const std::optional<std::string> root = TRY(formats::string_member(state, "root"));
  if (!root || !root->starts_with('/')) return std::optional<HostPath>();
  return std::optional<HostPath>(TRY(doing("reading \"root\"", HostPath::parse(*root))));
}

}  // namespace

Result<ContainerState> parse_state(std::string_view state_json) {
  const auto parse = [&]() -> Result<ContainerState> {
    if (trimmed(state_json).empty()) {
      return fail(ErrorKind::kBadInput, "standard input is empty",
                  "a container runtime passes the state there; do not run the hook by hand");
    }
    const nlohmann::json state = TRY(formats::parse_json(state_json, {.bytes = kMaxStateBytes}));
    ContainerState parsed;
    parsed.id = TRY(formats::string_member(state, "id")).value_or("");
    parsed.pid = TRY(pid_of(state));
    parsed.bundle = TRY(bundle_of(state));
    parsed.root = TRY(root_of(state));
    return parsed;
  };
  return doing("reading the container state", parse());
}

}  // namespace gpuhook
