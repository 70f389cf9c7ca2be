// SPDX-License-Identifier: Apache-2.0
// Plans as edits of an OCI runtime configuration, for who can change it before the container is
// made. The runtime then knows the devices, and keeps them when it re-applies its rules.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/plan.h"
#include "gpuhook/request.h"
#include "gpuhook/result.h"

namespace gpuhook {

// The environment of every hook that is written into a file: without one, runtimes would let it
// inherit somebody's.
inline constexpr std::string_view kHookEnvironment = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

// The hook that carries out what a specification cannot express (Sink::kCompletion).
struct CompletionHook {
  HostPath program;
  std::vector<std::string> arguments;  // the program's name, and what follows it
  bool operator==(const CompletionHook&) const = default;
};

// Where paths of a container lead in its image, links followed: two that look unlike can be one.
struct PlacesInImage {
  std::vector<ContainerPath> mounts;   // of ContainerSpec::mounts, in its order
  std::vector<ContainerPath> targets;  // of the plan's ops, in its order
  bool operator==(const PlacesInImage&) const = default;
};

struct SpecEdit {
  InjectionPlan plan;
  CompletionHook hook;
  PlacesInImage places;     // empty: as spelled
  std::string fingerprint;  // of the host; becomes the value of kInjectedAnnotation
  // Nodes become mounts of the host's, since who lives in a user namespace can make none.
  bool in_user_namespace = false;
  // Add the groups of device nodes that not everybody may open.
  bool add_groups = true;
};

struct EditedSpec {
  std::string config_json;
  std::vector<Note> notes;  // optional things that the container's own mounts leave no place for
};

// Puts a plan into the text of a config.json that `spec` was read from: devices and their rules,
// mounts, the hook at stage createRuntime, NVIDIA_VISIBLE_DEVICES=void (which tells later hooks
// that all is done), kInjectedAnnotation. Hooks of the NVIDIA toolkit at stage prestart are taken
// out. All other bytes are kept.
//
// Errors: kBadInput when the text is not a usable config.json; kRefused when a volume covers the
// place of something required: a runtime would write into it.
Result<EditedSpec> edit_oci_spec(std::string_view config_json, const ContainerSpec& spec,
                                 const SpecEdit& edit);

// What specifications made for this host hang on beyond its devices: the driver's version and the
// major numbers of its nodes, such as "550.54.15 nvidiactl=195 nvidia-uvm=510". Equal for hosts
// that differ in devices only.
std::string fingerprint_of(const Inventory& inventory);

// The devices of the inventory whose nodes have these numbers, as a request would name them. A GPU
// with the nodes of some of its MIG devices stands for these.
std::vector<DeviceSelector> devices_with(std::span<const DeviceNumber> numbers,
                                         const Inventory& inventory);

}  // namespace gpuhook
