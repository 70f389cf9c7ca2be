// SPDX-License-Identifier: Apache-2.0
// Reads mount destinations as device names.
#include "request/device_mounts.h"

#include <optional>
#include <set>

#include "base/text.h"

namespace gpuhook::request {
namespace {

constexpr std::string_view kCdi = "cdi/";
constexpr std::string_view kImex = "imex/";

// What lies below the directory, in normal form; nothing for a mount that is no request.
std::optional<std::string> name_in(const SpecMount& mount) {
  const Result<ContainerPath> source = ContainerPath::parse(mount.source);
  const Result<ContainerPath> target = ContainerPath::parse(mount.destination);
  if (!source || !target || source->text() != "/dev/null") return std::nullopt;
  const std::string prefix = concat(kDeviceMountDirectory, "/");
  if (!target->text().starts_with(prefix)) return std::nullopt;
  return target->text().substr(prefix.size());
}

// "cdi/vendor/class/device" and "cdi/vendor/class=device" as "vendor/class=device"; anything else
// stays what it is and is refused as a name.
std::string qualified(const std::string& name) {
  std::string text = name.substr(kCdi.size());
  const std::size_t slash = text.rfind('/');
  const bool three_parts = slash != std::string::npos && text.find('/') != slash;
  if (three_parts && text.find('=') == std::string::npos) text[slash] = '=';
  return text.find('=') == std::string::npos || text.find('/') == std::string::npos ? name : text;
}

// Each name once, in the order of appearance.
class NameList {
 public:
  void add(std::string name) {
    if (seen_.insert(name).second) names_.push_back(std::move(name));
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::set<std::string> seen_;
  std::vector<std::string> names_;
};

}  // namespace

DeviceMounts device_mounts(std::span<const SpecMount> mounts) {
  NameList devices;
  NameList channels;
  for (const SpecMount& mount : mounts) {
    const std::optional<std::string> name = name_in(mount);
    if (!name) continue;
    if (name->starts_with(kCdi)) {
      devices.add(qualified(*name));
    } else if (name->starts_with(kImex)) {
      channels.add(name->substr(kImex.size()));
    } else {
      devices.add(*name);
    }
  }
  return {.devices = devices.take(), .imex_channels = channels.take()};
}

}  // namespace gpuhook::request
