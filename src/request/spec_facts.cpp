// SPDX-License-Identifier: Apache-2.0
// CDI names in annotations, as the CDI specification has them, and traces of an injection.
#include "request/spec_facts.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "request/gpu_kinds.h"

namespace gpuhook::request {
namespace {

bool begins_with_one_of(std::string_view key, std::span<const std::string> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [key](const std::string& prefix) { return key.starts_with(prefix); });
}

// Whether the name's kind means GPUs of this host; which device of them decides parse_selector.
bool is_ours(std::string_view name) {
  const std::string_view kind = name.substr(0, name.find('='));
  return std::find(kGpuKinds.begin(), kGpuKinds.end(), kind) != kGpuKinds.end();
}

// "libcuda.so.550.54.15": what the driver's libraries are called by their full version.
bool is_driver_library(const SpecMount& mount) {
  const std::string_view path = mount.destination;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const std::string_view prefix : {"libcuda.so.", "libnvidia-ml.so."}) {
    if (name.starts_with(prefix) && DriverVersion::parse(name.substr(prefix.size()))) return true;
  }
  return false;
}

}  // namespace

AnnotatedDevices annotated_devices(std::span<const Annotation> annotations,
                                   std::span<const std::string> prefixes) {
  std::map<std::string_view, std::string_view> by_key;
  for (const Annotation& annotation : annotations) {
    if (begins_with_one_of(annotation.key, prefixes))
      by_key.emplace(annotation.key, annotation.value);
  }
  AnnotatedDevices found;
  std::set<std::string_view> seen;
  for (const auto& [key, value] : by_key) {
    for (const std::string_view piece : split(value, ',')) {
      const std::string_view name = trimmed(piece);
      if (name.empty() || !seen.insert(name).second) continue;
      if (is_ours(name)) {
        found.names.emplace_back(name);
      } else {
        found.others.push_back(
            {.what = std::string(name),
             .reason = concat("not a GPU, left to the engine; annotation ", in_quotes(key))});
      }
    }
  }
  return found;
}

bool has_driver(const ContainerSpec& spec) {
  if (earlier_edit(spec)) return true;
  // A user who binds libraries by hand has no control node, a privileged container no library.
  const bool node =
      std::any_of(spec.devices.begin(), spec.devices.end(),
                  [](const SpecDevice& device) { return device.path == "/dev/nvidiactl"; });
  return node && std::any_of(spec.mounts.begin(), spec.mounts.end(), is_driver_library);
}

}  // namespace gpuhook::request

namespace gpuhook {

std::optional<std::string> earlier_edit(const ContainerSpec& spec) {
  for (const Annotation& annotation : spec.annotations) {
    if (annotation.key == kInjectedAnnotation) return annotation.value;
  }
  return std::nullopt;
}

}  // namespace gpuhook
