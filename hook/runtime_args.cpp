// SPDX-License-Identifier: Apache-2.0
// Options of runc (urfave/cli: one or two dashes, "=" or a blank before the value) and crun (argp).
#include "runtime_args.h"

#include <algorithm>
#include <array>
#include <optional>

namespace gpuhook::hook {
namespace {

// Options before the command that take a value: runc(8) and crun(1), youki's are a subset.
constexpr std::array<std::string_view, 7> kGlobalValues{
    "log", "log-format", "log-level", "root", "criu", "rootless", "cgroup-manager"};
// Options of create and run that take one.
constexpr std::array<std::string_view, 8> kCommandValues{
    "bundle", "b", "console-socket", "pid-file", "preserve-fds", "config", "f", "pidfd-socket"};

template <std::size_t kSize>
bool contains(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Option {
  std::string_view name;
  std::optional<std::string_view> value;  // behind "="
};

Option option_of(std::string_view argument) {
  argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return {.name = argument, .value = std::nullopt};
  return {.name = argument.substr(0, equals), .value = argument.substr(equals + 1)};
}

bool is_option(std::string_view argument) { return argument.size() > 1 && argument[0] == '-'; }

// Walks over options up to the first argument that is none.
class Walk {
 public:
  explicit Walk(std::span<const std::string_view> arguments) : rest_(arguments) {}

  // The next option with its value; nothing at a plain argument, after "--", or at the end.
  template <std::size_t kSize>
  std::optional<Option> next(const std::array<std::string_view, kSize>& with_value) {
    if (rest_.empty() || !is_option(rest_.front()) || rest_.front() == "--") return std::nullopt;
    const bool one_dash = !rest_.front().starts_with("--");
    Option option = option_of(take());
    // crun takes "-bDIR".
    if (one_dash && option.name.size() > 1 && option.name[0] == 'b' && option.name != "bundle") {
      return Option{.name = "b", .value = option.name.substr(1)};
    }
    if (!option.value && contains(with_value, option.name) && !rest_.empty()) option.value = take();
    return option;
  }
  std::string_view take() {
    const std::string_view argument = rest_.front();
    rest_ = rest_.subspan(1);
    return argument;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool at_option() const { return !rest_.empty() && is_option(rest_.front()); }

 private:
  std::span<const std::string_view> rest_;
};

void read_global(const Option& option, RuntimeArguments& parsed) {
  if (!option.value) return;
  if (option.name == "log") parsed.log = *option.value;
  if (option.name == "log-format") parsed.log_json = *option.value == "json";
}

void read_command(const Option& option, RuntimeArguments& parsed) {
  if (!option.value) return;
  if (option.name == "bundle" || option.name == "b") parsed.bundle = *option.value;
  if (option.name == "config" || option.name == "f") parsed.spec_file = *option.value;
}

}  // namespace

RuntimeArguments parse_runtime_arguments(std::span<const std::string_view> arguments) {
  RuntimeArguments parsed;
  Walk walk(arguments);
  while (const auto option = walk.next(kGlobalValues)) read_global(*option, parsed);
  if (walk.at_end()) return parsed;
  const std::string_view command = walk.take();
  parsed.makes_container = command == "create" || command == "run";
  if (!parsed.makes_container) return parsed;
  while (!walk.at_end()) {
    if (const auto option = walk.next(kCommandValues)) {
      read_command(*option, parsed);
    } else {
      // The container's name. runc reads no option behind it, argp does.
      if (walk.take() == "--") break;
    }
  }
  return parsed;
}

}  // namespace gpuhook::hook
