// SPDX-License-Identifier: Apache-2.0
// What the administrator decides. Never influenced by an image or by the environment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gpuhook/values.h"

namespace gpuhook {

// How the driver's management library is asked for what the kernel does not tell.
struct DriverQuestions {
  // False: it never is; requests that need its answers are refused.
  bool allowed = true;
  // The program that asks, gpu-hook-nvml; the caller knows where it is installed. Unset: as if not
  // allowed.
  std::optional<HostPath> helper;
  // How long the library may take, in milliseconds, 100 to 8000. With persistence mode off a GPU
  // needs one to three seconds to wake.
  std::uint32_t deadline_ms = 5000;
  // "user" or "user:group" that the helper becomes, by name or number. Empty, and in the place of
  // root: the overflow ids, 65534.
  std::string user;

  bool operator==(const DriverQuestions&) const = default;
};

struct Config {
  // Directory that holds the driver's files, as seen by the host. Unset: "/" and then
  // "/run/nvidia/driver" are tried.
  std::optional<HostPath> driver_root;
  // Directory whose dev/ holds the device nodes. Unset: "/".
  std::optional<HostPath> device_root;

  // Leave the container's device cgroup alone; right where the rules are in the OCI spec. Where
  // there is no such cgroup, as in a user namespace, that is noticed and needs no setting.
  bool no_cgroups = false;
  // Skip NVIDIA_REQUIRE_* and --require expressions.
  bool disable_require = false;
  // Upper bound for NVIDIA_DRIVER_CAPABILITIES.
  CapabilitySet supported_capabilities = CapabilitySet::all();

  // Whether NVIDIA_VISIBLE_DEVICES counts in containers without CAP_SYS_ADMIN. True is what docker
  // users expect; false is right where images are not trusted and volume mounts carry the request.
  bool accept_env_when_unprivileged = true;
  // Whether mounts of /dev/null below /var/run/nvidia-container-devices name devices.
  bool accept_volume_mounts = false;
  // Features that the variables of a container without CAP_SYS_ADMIN may ask for. None by default:
  // they reach other machines and other containers' memory.
  FeatureSet features_when_unprivileged;
  // Variables whose values replace NVIDIA_VISIBLE_DEVICES, such as DOCKER_RESOURCE_GPU of swarm.
  std::vector<std::string> swarm_resources;

  // Give nobody an IMEX channel, whoever asks.
  bool ignore_imex_channels = false;

  // Prefer the CUDA libraries that an image brings for newer CUDA than the driver's.
  bool cuda_compat = true;
  // What no container gets. The pipes of the multi-process service are shared by all its users, who
  // can end it for each other: that is for administrators to allow.
  OmissionSet leave_out{Omission::kMps};

  // Keys of annotations that name devices by CDI names begin with one of these. The hook reads
  // none, since there the engine has resolved them.
  std::vector<std::string> annotation_prefixes{"cdi.k8s.io/"};
  // Whether annotations count also where the variable does not. Some engines hand on what an image
  // says of itself (podman), so that by default they are no better than its variables.
  bool accept_annotations = false;

  // What gpu-hook-runtime becomes: the first of these that is found, an absolute path or a name
  // looked for along the caller's PATH and in the usual directories.
  std::vector<std::string> runtimes{"runc", "crun"};
  // Give a container the groups of device nodes that not everybody can open, where the spec is
  // edited.
  bool add_device_groups = true;

  DriverQuestions questions;

  bool operator==(const Config&) const = default;
};

}  // namespace gpuhook
