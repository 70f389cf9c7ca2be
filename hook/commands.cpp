// SPDX-License-Identifier: Apache-2.0
// The commands that concern a container.
#include "commands.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "base/try.h"
#include "hygiene.h"

namespace gpuhook::hook {
namespace {

void print(const std::string& text) {
  (void)std::fputs(text.c_str(), stdout);
}  // main checks the stream at the end

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
  const Request request = TRY(request_of(options.request, config));
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
    print(format == PlanFormat::kJson ? "null\n"
          : earlier_edit(spec)
              ? "nothing more: gpu-hook-runtime has edited this config.json\n"
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
