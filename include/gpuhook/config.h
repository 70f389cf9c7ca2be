// SPDX-License-Identifier: Apache-2.0
// What the administrator decides. Never influenced by an image or by the environment.
#pragma once

#include <optional>

#include "gpuhook/values.h"

namespace gpuhook {

struct Config {
  // Directory that holds the driver's files, as seen by the host. Unset: "/" and then
  // "/run/nvidia/driver" are tried.
  std::optional<HostPath> driver_root;
  // Directory whose dev/ holds the device nodes. Unset: "/".
  std::optional<HostPath> device_root;

  // Leave the container's device cgroup alone; right where the rules are in the OCI spec, or where
  // there is none.
  bool no_cgroups = false;
  // Skip NVIDIA_REQUIRE_* and --require expressions.
  bool disable_require = false;
  // Whether NVIDIA_VISIBLE_DEVICES counts in containers without CAP_SYS_ADMIN. True is what docker
  // users expect.
  bool accept_env_when_unprivileged = true;
  // Upper bound for NVIDIA_DRIVER_CAPABILITIES.
  CapabilitySet supported_capabilities = CapabilitySet::all();

  bool operator==(const Config&) const = default;
};

}  // namespace gpuhook
