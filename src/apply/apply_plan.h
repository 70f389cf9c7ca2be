// SPDX-License-Identifier: Apache-2.0
// apply_plan against a chosen kernel, for tests that count and fail its calls.
#pragma once

#include "gpuhook/gpuhook.h"
#include "sys/kernel.h"

namespace gpuhook::apply {

Result<Report> apply_plan_with(sys::Kernel& kernel, const InjectionPlan& plan, const Target& target,
                               const Config& config);

}  // namespace gpuhook::apply
