// SPDX-License-Identifier: Apache-2.0
// Rules of the Container Device Interface for names and versions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "gpuhook/cdi.h"

namespace gpuhook::formats {

// Errors of all: kBadInput naming the rule.

Status check_cdi_kind(std::string_view kind);  // "vendor/class"
Status check_cdi_device_name(std::string_view name);
// Keys as Kubernetes has them, and at most 256 KiB altogether.
Status check_cdi_annotations(const std::map<std::string, std::string>& annotations);

// That the specification's version is known and has all that the content needs.
Status check_cdi_version(const CdiSpec& spec);

}  // namespace gpuhook::formats
