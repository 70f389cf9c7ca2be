// SPDX-License-Identifier: Apache-2.0
// NVIDIA_REQUIRE_* expressions: "cuda>=12.2 brand=tesla,driver>=470,driver<471".
#pragma once

#include <string>
#include <string_view>

#include "gpuhook/result.h"

namespace gpuhook::plan {

// What is known about the host; an empty text is unknown, and a term about it holds.
struct KnownFacts {
  std::string cuda;    // "12.4"
  std::string driver;  // "550.54.15"
  std::string arch;    // "9.0"
  std::string brand;   // "tesla"
};

// One expression: groups separated by spaces of which one must hold, terms separated by commas of
// which all must. Terms: property, one of = != < <= > >=, value; properties cuda, driver, arch
// (versions) and brand (text, = and != only).
//
// Errors: kUnmetRequirement showing all groups and what was found; kBadInput for a term of another
// form.
Status check_requirement(std::string_view expression, const KnownFacts& facts);

// Whether the answer hangs on facts that are not known. False for a malformed expression.
bool hangs_on_unknown(std::string_view expression, const KnownFacts& facts);

}  // namespace gpuhook::plan
