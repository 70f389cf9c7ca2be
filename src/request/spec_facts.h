// SPDX-License-Identifier: Apache-2.0
// What matters only to who edits a specification: requests by annotation, and earlier edits.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gpuhook/request.h"

namespace gpuhook::request {

struct AnnotatedDevices {
  std::vector<std::string> names;  // CDI names of kinds that mean GPUs of this host, each once
  std::vector<Note> others;        // names of other kinds, which the engine has to resolve
  bool operator==(const AnnotatedDevices&) const = default;
};

// The CDI names in the values of annotations whose keys begin with one of `prefixes`, by key.
AnnotatedDevices annotated_devices(std::span<const Annotation> annotations,
                                   std::span<const std::string> prefixes);

// Whether gpu-hook or an engine's CDI support has put the driver into the specification.
bool has_driver(const ContainerSpec& spec);

}  // namespace gpuhook::request
