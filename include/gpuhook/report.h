// SPDX-License-Identifier: Apache-2.0
// What applying a plan did, op by op.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpuhook/plan.h"

namespace gpuhook {

enum class OutcomeKind : std::uint8_t {
  kDone,     // the container has it now
  kAlready,  // it was there before, equal in content and flags
  kSkipped,  // an optional op that could not be done; `detail` says why
};

struct Outcome {
  std::size_t op = 0;  // position in InjectionPlan::ops
  OutcomeKind kind = OutcomeKind::kDone;
  std::string detail;
  bool operator==(const Outcome&) const = default;
};

struct Report {
  std::vector<Outcome> outcomes;  // one for each op of the plan, in its order
  bool operator==(const Report&) const = default;
};

}  // namespace gpuhook
