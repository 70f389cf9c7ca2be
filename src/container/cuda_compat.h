// SPDX-License-Identifier: Apache-2.0
// CUDA libraries that an image brings for kernel modules older than they are.
#pragma once

#include <optional>

#include "gpuhook/container.h"
#include "sys/rooted_dir.h"

namespace gpuhook::container {

// Looks into /usr/local/cuda/compat of the image, whose files may be hostile: they are read, within
// limits, and never loaded, mounted or copied. Nothing when there is not exactly one libcuda.
std::optional<CudaCompat> find_cuda_compat(const sys::RootedDir& rootfs);

}  // namespace gpuhook::container
