// SPDX-License-Identifier: Apache-2.0
// This host's GPUs as a CDI specification, made from the same plans as every other injection.
#pragma once

#include <string>
#include <vector>

#include "gpuhook/cdi.h"
#include "gpuhook/config.h"
#include "gpuhook/plan.h"
#include "gpuhook/spec.h"

namespace gpuhook {

// What devices are called: by index ("0", "0:1"), by UUID, or both ways.
enum class CdiNaming : std::uint8_t { kIndex, kUuid, kBoth };
std::string_view name_of(CdiNaming naming);
// Errors: kBadInput.
Result<CdiNaming> parse_cdi_naming(std::string_view name);

// The plan of one device beside that of none.
struct NamedPlan {
  std::string name;
  InjectionPlan plan;
  bool operator==(const NamedPlan&) const = default;
};
struct CdiPlans {
  InjectionPlan common;            // driver files and control nodes, without a GPU
  std::vector<NamedPlan> devices;  // with one GPU or MIG device each; the last one, "all", with all
  std::vector<Note> notes;         // devices that got no name, or not all of theirs
};

// Plans each device of the host for containers that ask for what `request` does but for devices. A
// GPU that is divided into MIG devices is offered by these alone.
//
// Errors: kNotFound when there is no device to offer; kRefused when the configuration leaves device
//         nodes out; those of make_plan.
Result<CdiPlans> plan_cdi_devices(const Request& request, const Inventory& inventory,
                                  const Container& container, const Config& config,
                                  CdiNaming naming);

// The specification of kind nvidia.com/gpu for these plans. Numbers of nodes are left out: engines
// look them up when a container starts. `hook` carries out what no specification can express. With
// `add_groups`, groups of nodes that not everybody may open are added to containers, which needs
// version 0.7.0 of the CDI and engines that know it.
CdiSpec cdi_spec_of(const CdiPlans& plans, const CompletionHook& hook, bool add_groups = true);

// How a specification differs from the one that would be written now: what, and both sides.
std::vector<Note> cdi_drift(const CdiSpec& written, const CdiSpec& now);

// A specification file of a directory, read with all its rules.
struct CdiFile {
  HostPath path;
  Result<CdiSpec> spec;
};
// The .json and .yaml files of directories, in the order of names; a later directory overrides
// devices of an earlier one. Directories that do not exist are empty.
std::vector<CdiFile> read_cdi_directories(const std::vector<HostPath>& directories);
// One file, which need not exist. Errors: kBadInput, kRefused, kSystem.
Result<std::optional<CdiSpec>> read_cdi_file(const HostPath& path);
// By the name's ending: ".yaml" and ".yml", else JSON.
CdiFormat cdi_format_of(const HostPath& path);

}  // namespace gpuhook
