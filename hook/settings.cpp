// SPDX-License-Identifier: Apache-2.0
// Puts file and command line together, and finds the helper program beside this one.
#include "settings.h"

#include <unistd.h>

#include <array>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::hook {
namespace {

constexpr std::string_view kHelper = "gpu-hook-nvml";

// In a build tree beside this program, installed in ../libexec. Whoever could put another program
// there could replace this one as well.
std::optional<HostPath> helper_path() {
  const Result<HostPath> self = HostPath::parse(own_path());
  if (!self) return std::nullopt;
  const HostPath directory = self->parent();
  for (const HostPath& place : {directory / kHelper, directory.parent() / "libexec" / kHelper}) {
    if (access(place.text().c_str(), X_OK) == 0) return place;
  }
  return std::nullopt;
}

}  // namespace

std::string own_path() {
  std::array<char, 4096> self{};
  const ssize_t size = readlink("/proc/self/exe", self.data(), self.size());
  if (size <= 0 || static_cast<std::size_t>(size) == self.size()) return {};
  return {self.data(), static_cast<std::size_t>(size)};
}

Result<LoadedConfig> load(const Settings& settings) {
  LoadedConfig loaded = TRY(load_config(settings.file));
  Config& config = loaded.config;
  if (settings.driver_root) config.driver_root = settings.driver_root;
  if (settings.device_root) config.device_root = settings.device_root;
  config.leave_out.insert(settings.leave_out);
  config.no_cgroups = config.no_cgroups || settings.no_cgroups;
  config.cuda_compat = config.cuda_compat && !settings.no_cuda_compat;
  config.questions.helper = helper_path();
  return loaded;
}

}  // namespace gpuhook::hook
