// SPDX-License-Identifier: Apache-2.0
// The second half of an injection whose first half a container runtime has done.
#include "apply/stubs.h"
#include "gpuhook/gpuhook.h"

namespace gpuhook {

Result<Report> complete_plan(const InjectionPlan& plan, const Target& target,
                             const HostPath& rootfs, const Config& config) {
  apply::fill_stubs(plan, rootfs);
  Config without_rules = config;
  without_rules.no_cgroups = true;
  return apply_plan(part_for(Sink::kCompletion, plan), target, without_rules);
}

}  // namespace gpuhook
