// SPDX-License-Identifier: Apache-2.0
// Options of runc (urfave/cli: one or two dashes, "=" or a blank before the value) and crun (argp).
#include "runtime_args.h"

#include <algorithm>
#include <array>
#include <optional>

namespace gpuhook::hook {
namespace {

// Options before the command that take a value: runc(8), crun(1), youki.
constexpr std::array<std::string_view, 9> kGlobalValues{
    "log", "log-format", "log-level", "root", "criu", "rootless", "cgroup-manager", "r", "l"};
// Options of create and run that take one.
constexpr std::array<std::string_view, 8> kCommandValues{
    "bundle", "b", "console-socket", "pid-file", "preserve-fds", "config", "f", "pidfd-socket"};
// And those that take none.
constexpr std::array<std::string_view, 5> kCommandFlags{"detach", "no-pivot", "no-new-keyring",
                                                        "no-subreaper", "keep"};

template <std::size_t kSize>
bool contains(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Option {
  std::string_view name;
  std::optional<std::string_view> value;  // behind "="
};

// The name that an abbreviation of crun's stands for, as argp has it; else what was given.
std::string_view whole_name(std::string_view name) {
  std::string_view found;
  const auto look_among = [&](std::span<const std::string_view> names) {
    for (const std::string_view known : names) {
      if (known == name) return false;
      if (known.size() < 2 || !known.starts_with(name)) continue;
      if (!found.empty() && found != known) return false;
      found = known;
    }
    return true;
  };
  const bool one =
      look_among(kGlobalValues) && look_among(kCommandValues) && look_among(kCommandFlags);
  return one && !found.empty() ? found : name;
}

Option option_of(std::string_view argument) {
  const bool long_form = argument.starts_with("--");
  argument.remove_prefix(long_form ? 2 : 1);
  const std::size_t equals = argument.find('=');
  const std::string_view name = argument.substr(0, equals);
  Option option{.name = long_form ? whole_name(name) : name, .value = std::nullopt};
  if (equals != std::string_view::npos) option.value = argument.substr(equals + 1);
  return option;
}

bool is_option(std::string_view argument) { return argument.size() > 1 && argument[0] == '-'; }

bool is_known_name(std::string_view name) {
  return contains(kGlobalValues, name) || contains(kCommandValues, name) ||
         contains(kCommandFlags, name);
}

// crun's options of one letter, several behind one dash, the last of them with its value: "-dbDIR",
// "-db DIR". Nothing for what is none.
std::optional<Option> combined(std::string_view argument) {
  if (argument.starts_with("--") || is_known_name(option_of(argument).name)) return std::nullopt;
  const std::size_t at = argument.find_first_of("bf", 1);
  if (at == std::string_view::npos) return std::nullopt;
  Option option{.name = argument.substr(at, 1), .value = std::nullopt};
  if (at + 1 < argument.size()) option.value = argument.substr(at + 1);
  return option;
}

// Walks over options up to the first argument that is none.
class Walk {
 public:
  explicit Walk(std::span<const std::string_view> arguments) : rest_(arguments) {}

  // The next option with its value; nothing at a plain argument, at "--", or at the end.
  template <std::size_t kSize>
  std::optional<Option> next(const std::array<std::string_view, kSize>& with_value) {
    if (rest_.empty() || !is_option(rest_.front()) || rest_.front() == "--") return std::nullopt;
    const std::string_view argument = take();
    Option option = combined(argument).value_or(option_of(argument));
    if (!option.value && contains(with_value, option.name) && !rest_.empty()) option.value = take();
    return option;
  }
  std::string_view take() {
    const std::string_view argument = rest_.front();
    rest_ = rest_.subspan(1);
    return argument;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::string_view> rest_;
};

void read_global(const Option& option, RuntimeArguments& parsed) {
  if (!option.value) return;
  if (option.name == "log" || option.name == "l") parsed.log = *option.value;
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
  std::string_view command = walk.take();
  if (command == "--" && !walk.at_end()) command = walk.take();
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
