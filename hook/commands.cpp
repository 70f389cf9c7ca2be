// SPDX-License-Identifier: Apache-2.0
// The commands that concern a container.
#include "commands.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "base/try.h"
#include "hygiene.h"

namespace gpuhook::hook {
namespace {

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

// "all", or nothing at all.
Result<bool> mig_right(std::string_view option, std::string_view value) {
  if (value.empty()) return false;
  if (value == "all") return true;
  return fail(ErrorKind::kBadInput, concat(option, " is ", in_quotes(value)),
              "only all is possible");
}

Result<CapabilitySet> capabilities_of(const ConfigureOptions& options, const Config& config) {
  CapabilitySet capabilities;
  for (const std::string_view name : TRY(list_items(options.capabilities))) {
    if (name == "all") {
      capabilities.insert(config.supported_capabilities);
    } else {
      capabilities.insert(TRY(parse_capability(name)));
    }
  }
  return capabilities;
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
  const CapabilitySet capabilities = TRY(capabilities_of(options, config));
  if (!capabilities.empty()) request.capabilities = capabilities;
  const std::vector<std::string_view> names = TRY(list_items(options.capabilities));
  request.everything = std::find(names.begin(), names.end(), "all") != names.end();
  if (!config.disable_require) request.requirements = options.requirements;
  for (const std::string_view channel : TRY(list_items(options.imex_channels)))
    request.imex_channels.push_back(TRY(parse_imex_channel(channel)));
  auto& channels = request.imex_channels;
  std::sort(channels.begin(), channels.end());
  channels.erase(std::unique(channels.begin(), channels.end()), channels.end());
  request.mig_config = TRY(mig_right("--mig-config", options.mig_config));
  request.mig_monitor = TRY(mig_right("--mig-monitor", options.mig_monitor));
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

// Says once what was asked for and is not given. A hook's words reach the engine's log at best.
void warn(const std::vector<Note>& notes) {
  for (const Note& note : notes) {
    const std::string line = one_line(concat("gpu-hook: ", note.what, ": ", note.reason));
    (void)std::fputs((line + "\n").c_str(), stderr);
  }
}

// The host as far as this request needs to know it.
Result<Inventory> inventory_for(const Request& request, const Config& config) {
  Inventory inventory = TRY(probe_host(config));
  if (!needs_driver_library(request, inventory)) return inventory;
  inventory = ask_driver_library(std::move(inventory), config);
  // What is unknown counts as met; that is worth a line even where the container starts.
  if (!inventory.unanswered.empty() && !request.requirements.empty())
    warn({{.what = "conditions about brand or architecture are not checked",
           .reason = inventory.unanswered}});
  return inventory;
}

Result<InjectionPlan> plan_for(const Request& request, const Target& target, const Config& config) {
  const Inventory inventory = TRY(inventory_for(request, config));
  return make_plan(request, inventory, TRY(inspect(target)), config);
}

Result<std::pair<InjectionPlan, Report>> inject(const Request& request, const Target& target,
                                                const Config& config) {
  const InjectionPlan planned = TRY(plan_for(request, target, config));
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

Status prestart(const std::string& state_json, const Settings& settings) {
  become_undumpable();
  const ContainerState state = TRY(parse_state(state_json));
  const ContainerSpec spec = TRY(read_bundle(state.bundle));
  const Result<LoadedConfig> loaded = load(settings);
  // A broken configuration must not keep containers from starting that never asked for a GPU.
  if (!loaded && !may_concern_us(spec)) return {};
  const Config config = TRY(loaded).config;
  const RequestDecision decision = TRY(decide_request(spec, config));
  warn(decision.notes);
  if (!decision.request) return {};
  TRY(check_namespaces(spec));
  const HostPath rootfs = TRY(rootfs_of(spec, state.bundle));
  const Target target = TRY(Target::of_process(state.pid, rootfs));
  (void)TRY(inject(*decision.request, target, config));
  return {};
}

Status configure(const ConfigureOptions& options, const Settings& settings) {
  become_undumpable();
  const Config config = TRY(load(settings)).config;
  const Request request = TRY(request_of(options, config));
  const Target target = TRY(Target::of_process(options.pid, TRY(path_argument(options.rootfs))));
  if (options.dry_run) {
    print(plan_as_text(TRY(plan_for(request, target, config)), true));
    return {};
  }
  const auto [planned, report] = TRY(inject(request, target, config));
  print_skipped(planned, report);
  return {};
}

Status plan(const std::string& bundle, PlanFormat format, const Settings& settings) {
  const Config config = TRY(load(settings)).config;
  const HostPath directory = TRY(path_argument(bundle));
  const ContainerSpec spec = TRY(read_bundle(directory));
  const RequestDecision decision = TRY(decide_request(spec, config));
  warn(decision.notes);
  if (!decision.request) {
    print(format == PlanFormat::kJson
              ? "null\n"
              : "nothing asked for: NVIDIA_VISIBLE_DEVICES is unset, empty, void or ignored\n");
    return {};
  }
  const Target target = TRY(Target::of_directory(TRY(rootfs_of(spec, directory))));
  const InjectionPlan planned = TRY(plan_for(*decision.request, target, config));
  print(format == PlanFormat::kJson ? plan_as_json(planned)
                                    : plan_as_text(planned, format == PlanFormat::kExplain));
  return {};
}

Status edit_registration(const std::string& bundle, const std::string& hook_path, bool remove) {
  const HostPath hook = TRY(path_argument(hook_path.empty() ? own_path() : hook_path));
  const HostPath directory = TRY(path_argument(bundle));
  const bool changed =
      remove ? TRY(unregister_hook(directory, hook)) : TRY(register_hook(directory, hook));
  const std::string_view done = remove ? "removed from" : "registered in";
  const std::string_view was = remove ? "not registered in" : "already registered in";
  print(concat(hook.text(), " ", changed ? done : was, " ", directory.text(), "/config.json\n"));
  return {};
}

}  // namespace gpuhook::hook
