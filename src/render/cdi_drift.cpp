// SPDX-License-Identifier: Apache-2.0
// Names each difference between two specifications of one host.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "gpuhook/cdi_plan.h"

namespace gpuhook {
namespace {

using Entries = std::map<std::string, std::string>;  // what, and how it is

// Entries of one side only, or unlike on both.
void compare(std::string_view kind, const Entries& written, const Entries& now,
             std::vector<Note>& drift) {
  const auto note = [&](const std::string& what, std::string reason) {
    drift.push_back({.what = concat(kind, " ", what), .reason = std::move(reason)});
  };
  for (const auto& [what, how] : written) {
    const auto found = now.find(what);
    if (found == now.end()) {
      note(what, "in the specification, not on the host");
    } else if (found->second != how) {
      note(what, concat("in the specification ", how, ", on the host ", found->second));
    }
  }
  for (const auto& [what, how] : now) {
    if (!written.contains(what)) note(what, "on the host, not in the specification");
  }
}

std::string how(const CdiDeviceNode& node) {
  std::string text = node.host_path.empty() ? node.path : node.host_path;
  if (node.file_mode) text += concat(" mode ", octal(*node.file_mode));
  if (node.uid) text += concat(" user ", *node.uid);
  if (node.gid) text += concat(" group ", *node.gid);
  return text;
}

Entries nodes_of(const CdiEdits& edits) {
  Entries nodes;
  for (const CdiDeviceNode& node : edits.device_nodes) nodes.emplace(node.path, how(node));
  return nodes;
}

Entries mounts_of(const CdiEdits& edits) {
  Entries mounts;
  for (const CdiMount& mount : edits.mounts)
    mounts.emplace(mount.container_path, concat(mount.host_path, " ", joined(mount.options, ",")));
  return mounts;
}

Entries devices_of(const CdiSpec& spec) {
  Entries devices;
  for (const CdiDevice& device : spec.devices) devices.emplace(device.name, "");
  return devices;
}

// The words of the hook's fingerprint: the driver's version, and majors by node.
Entries fingerprint_in(const CdiSpec& spec) {
  constexpr std::string_view kOption = "--made-for=";
  Entries entries;
  for (const CdiHook& hook : spec.edits.hooks) {
    for (const std::string_view argument : hook.args) {
      if (!argument.starts_with(kOption)) continue;
      for (const std::string_view word : words(argument.substr(kOption.size()))) {
        const std::size_t equals = word.find('=');
        if (equals == std::string_view::npos) {
          entries.emplace("version", word);
        } else {
          entries.emplace(concat("major number of ", word.substr(0, equals)),
                          word.substr(equals + 1));
        }
      }
    }
  }
  return entries;
}

// Everything about the hook but the fingerprint.
Entries hooks_of(const CdiSpec& spec) {
  Entries hooks;
  for (const CdiHook& hook : spec.edits.hooks) {
    std::string text = hook.path;
    for (const std::string& argument : hook.args) {
      if (!argument.starts_with("--made-for=")) text += concat(" ", argument);
    }
    hooks.emplace(hook.hook_name, std::move(text));
  }
  return hooks;
}

const CdiEdits* edits_of(const CdiSpec& spec, const std::string& device) {
  const auto found = std::find_if(spec.devices.begin(), spec.devices.end(),
                                  [&](const CdiDevice& other) { return other.name == device; });
  return found == spec.devices.end() ? nullptr : &found->edits;
}

}  // namespace

std::vector<Note> cdi_drift(const CdiSpec& written, const CdiSpec& now) {
  std::vector<Note> drift;
  compare("driver", fingerprint_in(written), fingerprint_in(now), drift);
  compare("device", devices_of(written), devices_of(now), drift);
  compare("control node", nodes_of(written.edits), nodes_of(now.edits), drift);
  for (const CdiDevice& device : written.devices) {
    const CdiEdits* const other = edits_of(now, device.name);
    if (other == nullptr) continue;
    compare(concat("node of ", device.name), nodes_of(device.edits), nodes_of(*other), drift);
    compare(concat("file of ", device.name), mounts_of(device.edits), mounts_of(*other), drift);
  }
  compare("file", mounts_of(written.edits), mounts_of(now.edits), drift);
  compare("hook", hooks_of(written), hooks_of(now), drift);
  if (drift.empty() && written != now)
    drift.push_back({.what = "form", .reason = "written by another version of gpu-hook"});
  return drift;
}

}  // namespace gpuhook
