// SPDX-License-Identifier: Apache-2.0
// From options and files to the arguments of make_plan.
#include "planning.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::hook {
namespace {

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

Result<CapabilitySet> capabilities_of(const RequestOptions& options, const Config& config) {
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

Result<Request> request_of(const RequestOptions& options, const Config& config) {
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

// A hook's words reach the engine's log at best.
void warn(const std::vector<Note>& notes) {
  for (const Note& note : notes) {
    const std::string line = one_line(concat("gpu-hook: ", note.what, ": ", note.reason));
    (void)std::fputs((line + "\n").c_str(), stderr);
  }
}

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

}  // namespace gpuhook::hook
