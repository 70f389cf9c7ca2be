// SPDX-License-Identifier: Apache-2.0
// Which sink takes which op.
#include <algorithm>
#include <array>

#include "gpuhook/plan.h"

namespace gpuhook {
namespace {

// In the order of the variant. A runtime makes nodes, sets rules and binds; it neither makes links
// nor writes files.
constexpr std::array<bool, std::variant_size_v<Op>> kInSpec{
    true,   // AllowDevice
    true,   // BindDevice
    true,   // BindFile
    true,   // BindSocket
    true,   // BindDirectory
    false,  // MaskedTree
    false,  // MakeLink
    false,  // UpdateLoaderCache
};

}  // namespace

bool takes(Sink sink, const Op& op) {
  if (sink == Sink::kApply) return true;
  return kInSpec.at(op.index()) == (sink == Sink::kSpec);
}

InjectionPlan part_for(Sink sink, InjectionPlan plan) {
  const auto foreign = [sink](const PlannedOp& planned) { return !takes(sink, planned.op); };
  plan.ops.erase(std::remove_if(plan.ops.begin(), plan.ops.end(), foreign), plan.ops.end());
  return plan;
}

}  // namespace gpuhook
