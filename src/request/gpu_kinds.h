// SPDX-License-Identifier: Apache-2.0
// The CDI kinds that mean the GPUs of this host.
#pragma once

#include <array>
#include <string_view>

namespace gpuhook::request {

// What specification files, the NVIDIA runtime and the device plugin of Kubernetes call them.
inline constexpr std::array<std::string_view, 3> kGpuKinds{
    "nvidia.com/gpu", "runtime.nvidia.com/gpu", "k8s.device-plugin.nvidia.com/gpu"};

}  // namespace gpuhook::request
