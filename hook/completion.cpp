// SPDX-License-Identifier: Apache-2.0
// Writes the arguments of the hook, and carries them out.
#include "completion.h"

#include "base/text.h"
#include "base/try.h"
#include "hygiene.h"

namespace gpuhook::hook {
namespace {

// Files of the host may have changed since the specification was written: then the runtime has
// mounted what was there, and the container would start with half of a driver.
Status check_fingerprint(const std::string& made_for, const Inventory& inventory) {
  // Numbers of nodes are not in it: engines look them up.
  const std::string_view driver = std::string_view(made_for).substr(0, made_for.find(' '));
  if (made_for.empty() || driver == inventory.driver.text()) return {};
  return fail(ErrorKind::kRefused,
              concat("the CDI specification was made for driver ", in_quotes(driver),
                     ", and the host has ", inventory.driver.text()),
              "run `gpu-hook cdi refresh`");
}

// "0,2,3:1": GPUs by index, and MIG devices instead of the GPU they are on. Both stay what they are
// in the moment until the hook runs.
std::string device_list(const InjectionPlan& plan, const Request& request) {
  std::string list;
  const auto add = [&list](const DeviceSelector& device) {
    list += concat(list.empty() ? "" : ",", text_of(device));
  };
  // Rights over MIG go with whole GPUs.
  const bool whole = request.mig_config || request.mig_monitor;
  for (const std::uint32_t index : plan.gpus) {
    bool divided = false;
    for (const MigIndex& mig : plan.mig) {
      if (whole || mig.gpu != index) continue;
      add(mig);
      divided = true;
    }
    if (!divided) add(GpuIndex{index});
  }
  return list.empty() ? "none" : list;
}

// From the runtime itself, or from the bundle.
Result<HostPath> root_directory(const ContainerState& state) {
  const Result<ContainerSpec> spec = read_bundle(state.bundle);
  if (!spec && spec.error().kind == ErrorKind::kNotFound && state.root) return *state.root;
  TRY(check_namespaces(TRY(spec)));
  return rootfs_of(*spec, state.bundle);
}

void add_option(std::vector<std::string>& arguments, std::string_view name,
                std::string_view value) {
  if (!value.empty()) arguments.push_back(concat(name, "=", value));
}

}  // namespace

Result<std::optional<LibraryConvention>> library_convention(std::string_view name) {
  if (name.empty()) return std::optional<LibraryConvention>();
  for (const auto convention : {LibraryConvention::kMultiarch, LibraryConvention::kLib64}) {
    if (name == name_of(convention)) return std::optional<LibraryConvention>(convention);
  }
  return fail(ErrorKind::kBadInput, concat("--libraries is ", in_quotes(name)),
              "use multiarch or lib64");
}

Status complete(const std::string& state_json, const CompletionOptions& options,
                const Settings& settings) {
  become_undumpable();
  const ContainerState state = TRY(parse_state(state_json));
  const HostPath rootfs = TRY(root_directory(state));
  const Config config = TRY(load(settings)).config;
  Request request = TRY(request_of(options.request, config));
  const Target target = TRY(Target::of_process(state.pid, rootfs));
  const Inventory inventory = TRY(inventory_for(request, config));
  TRY(check_fingerprint(options.made_for, inventory));
  if (options.devices_of_spec)
    request.devices = devices_with(device_nodes_in(target, inventory), inventory);
  Container container = TRY(inspect(target));
  const auto libraries = TRY(library_convention(options.libraries));
  if (libraries) container.libraries = *libraries;
  // A specification made without knowing the image has no place for them.
  if (options.devices_of_spec) container.libraries32.reset();
  const InjectionPlan plan = TRY(make_plan(request, inventory, container, config));
  (void)TRY(complete_plan(plan, target, rootfs, config));
  return {};
}

Result<CompletionHook> completion_hook(const InjectionPlan& plan, const Request& request,
                                       const CompletionOptions& options, const Settings& settings) {
  CompletionHook hook;
  hook.program = TRY(doing("looking for this program's own path", HostPath::parse(own_path())));
  hook.arguments = {"gpu-hook"};
  const auto add_path = [&hook](std::string_view name, const std::optional<HostPath>& path) {
    if (path) add_option(hook.arguments, name, path->text());
  };
  add_path("--config", settings.file);
  add_path("--driver-root", settings.driver_root);
  add_path("--device-root", settings.device_root);
  add_option(hook.arguments, "--leave-out", settings.leave_out.text());
  hook.arguments.emplace_back("complete");
  add_option(hook.arguments, "--device",
             options.devices_of_spec ? "of-spec" : device_list(plan, request));
  add_option(hook.arguments, "--capability",
             request.everything ? "all" : request.capabilities.text());
  add_option(hook.arguments, "--mig-config", request.mig_config ? "all" : "");
  add_option(hook.arguments, "--mig-monitor", request.mig_monitor ? "all" : "");
  add_option(hook.arguments, "--libraries", options.libraries);
  add_option(hook.arguments, "--made-for", options.made_for);
  add_option(hook.arguments, "--name-by", options.name_by);
  return hook;
}

}  // namespace gpuhook::hook
