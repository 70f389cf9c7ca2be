// SPDX-License-Identifier: Apache-2.0
// The commands that concern a container.
#include "commands.h"

#include <unistd.h>

#include <array>
#include <cstdio>

#include "base/text.h"
#include "base/try.h"
#include "hygiene.h"

namespace gpuhook::hook {
namespace {

// A relative name on the command line means the current directory.
Result<HostPath> path_argument(const std::string& text) {
  if (text.starts_with('/')) return HostPath::parse(text);
  std::array<char, 4096> directory{};
  if (getcwd(directory.data(), directory.size()) == nullptr) {
    return fail(ErrorKind::kBadInput,
                concat("the current directory of ", in_quotes(text), " is gone"),
                "give an absolute path");
  }
  return HostPath::parse(concat(directory.data(), "/", text));
}

void print(const std::string& text) {
  (void)std::fputs(text.c_str(), stdout);
}  // main checks the stream at the end

Result<std::vector<std::string_view>> list_items(const std::vector<std::string>& lists) {
  std::vector<std::string_view> items;
  for (const std::string& list : lists) {
    for (const std::string_view item : split(list, ',')) {
      if (!trimmed(item).empty()) items.push_back(trimmed(item));
    }
  }
  return items;
}

Result<Request> request_of(const ConfigureOptions& options, const Config& config) {
  Request request;
  const std::vector<std::string_view> devices = TRY(list_items(options.devices));
  if (devices.empty() && !options.devices.empty())
    return fail(ErrorKind::kBadInput, "--device is empty",
                "name a device, or leave the option out");
  for (const std::string_view name : devices) {
    if (name != "none") request.devices.push_back(TRY(parse_selector(name)));
  }
  CapabilitySet capabilities;
  for (const std::string_view name : TRY(list_items(options.capabilities))) {
    if (name == "all") {
      capabilities.insert(config.supported_capabilities);
    } else {
      capabilities.insert(TRY(parse_capability(name)));
    }
  }
  if (!capabilities.empty()) request.capabilities = capabilities;
  if (!config.disable_require) request.requirements = options.requirements;
  return request;
}

// A joined mount namespace outlives this container's start, and with it whatever a failed injection
// left.
Status check_namespaces(const ContainerSpec& spec) {
  if (!spec.has_mount_namespace) {
    return fail(ErrorKind::kRefused, "the container has no mount namespace of its own",
                "add one to linux.namespaces of its config.json");
  }
  if (spec.joined_mount_namespace.empty()) return {};
  return fail(
      ErrorKind::kRefused,
      concat("the container joins the mount namespace ", in_quotes(spec.joined_mount_namespace)),
      "give the container that owns the namespace its GPUs instead");
}

Result<std::pair<InjectionPlan, Report>> inject(const Request& request, const Target& target,
                                                const Config& config) {
  const Inventory inventory = TRY(probe_host(config));
  const InjectionPlan planned = TRY(make_plan(request, inventory, TRY(inspect(target))));
  Report report = TRY(apply_plan(planned, target, config));
  return std::pair{planned, std::move(report)};
}

// What was planned and not done. A hook has nobody to tell it to when all went well.
void print_skipped(const InjectionPlan& planned, const Report& report) {
  for (const Outcome& outcome : report.outcomes) {
    if (outcome.kind != OutcomeKind::kSkipped) continue;
    const PlannedOp& op = planned.ops[outcome.op];
    const auto* const rule = std::get_if<AllowDevice>(&op.op);
    const std::string object = rule != nullptr ? concat(rule->number.major, ":", rule->number.minor)
                                               : target_of(op.op)->text();
    print(one_line(concat("skipped ", kind_of(op.op), " ", object, ": ", outcome.detail)) + "\n");
  }
}

}  // namespace

Status prestart(const std::string& state_json, const Config& config) {
  become_undumpable();
  const ContainerState state = TRY(parse_state(state_json));
  const ContainerSpec spec = TRY(read_bundle(state.bundle));
  const std::optional<Request> request = TRY(request_from(spec, config));
  if (!request) return {};
  TRY(check_namespaces(spec));
  const HostPath rootfs = TRY(rootfs_of(spec, state.bundle));
  const Target target = TRY(Target::of_process(state.pid, rootfs));
  (void)TRY(inject(*request, target, config));
  return {};
}

Status configure(const ConfigureOptions& options, const Config& config) {
  become_undumpable();
  const Request request = TRY(request_of(options, config));
  const Target target = TRY(Target::of_process(options.pid, TRY(path_argument(options.rootfs))));
  if (!options.dry_run) {
    const auto [planned, report] = TRY(inject(request, target, config));
    print_skipped(planned, report);
    return {};
  }
  const Inventory inventory = TRY(probe_host(config));
  print(plan_as_text(TRY(make_plan(request, inventory, TRY(inspect(target)))), true));
  return {};
}

Status plan(const std::string& bundle, PlanFormat format, const Config& config) {
  const HostPath directory = TRY(path_argument(bundle));
  const ContainerSpec spec = TRY(read_bundle(directory));
  const std::optional<Request> request = TRY(request_from(spec, config));
  if (!request) {
    print(format == PlanFormat::kJson
              ? "null\n"
              : "nothing asked for: NVIDIA_VISIBLE_DEVICES is unset, empty or void\n");
    return {};
  }
  const Target target = TRY(Target::of_directory(TRY(rootfs_of(spec, directory))));
  const Inventory inventory = TRY(probe_host(config));
  const InjectionPlan planned = TRY(make_plan(*request, inventory, TRY(inspect(target))));
  print(format == PlanFormat::kJson ? plan_as_json(planned)
                                    : plan_as_text(planned, format == PlanFormat::kExplain));
  return {};
}

Status edit_registration(const std::string& bundle, const std::string& hook_path, bool remove) {
  std::array<char, 4096> self{};
  std::string path = hook_path;
  if (path.empty() && readlink("/proc/self/exe", self.data(), self.size() - 1) > 0)
    path = self.data();
  const HostPath hook = TRY(path_argument(path));
  const HostPath directory = TRY(path_argument(bundle));
  const bool changed =
      remove ? TRY(unregister_hook(directory, hook)) : TRY(register_hook(directory, hook));
  const std::string_view done = remove ? "removed from" : "registered in";
  const std::string_view was = remove ? "not registered in" : "already registered in";
  print(concat(hook.text(), " ", changed ? done : was, " ", directory.text(), "/config.json\n"));
  return {};
}

}  // namespace gpuhook::hook
