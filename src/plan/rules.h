// SPDX-License-Identifier: Apache-2.0
// The rules that make up a plan: small pure functions from values to ops.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpuhook/plan.h"

namespace gpuhook::plan {

// The GPUs and MIG instances that a request selects.
struct SelectedMig {
  std::uint32_t gpu = 0;       // index of the GPU
  std::uint32_t instance = 0;  // position in Gpu::mig
  auto operator<=>(const SelectedMig&) const = default;
};
struct Selection {
  std::vector<std::uint32_t> gpus;  // indices, ascending
  std::vector<SelectedMig> mig;     // ascending
  std::vector<Note> notes;
  bool operator==(const Selection&) const = default;
};

// Errors: kNotFound for a device the host does not have; kRefused for one that cannot be given
// away, with the reason.
Result<Selection> select_devices(const Request& request, const Inventory& inventory);

// Where an image keeps its libraries, and its 32-bit ones; nothing when it has no place for these.
ContainerPath library_directory(const Container& container);
std::optional<ContainerPath> library32_directory(const Container& container);
// Where its X server looks for modules.
ContainerPath xorg_directory(const Container& container);
// /usr/bin, /etc/ld.so.cache, ... : the other fixed places of an injection.
ContainerPath program_directory();
ContainerPath firmware_directory(const DriverVersion& driver);
ContainerPath proc_directory();
ContainerPath loader_cache();

// Cgroup rules and node binds of control nodes, GPUs, MIG instances, channels and features.
// Errors: kNotFound for an IMEX channel the host does not have, kRefused for MIG rights where the
// driver knows none.
Result<std::vector<PlannedOp>> device_ops(const Selection& selection, const Request& request,
                                          const Inventory& inventory, const Config& config);
// Directories and files of daemons and features.
std::vector<PlannedOp> shared_ops(const Request& request, const Inventory& inventory,
                                  const Config& config);
// The links by which programs find a GPU's graphics nodes, and the profile that limits EGL to the
// selected GPUs.
std::vector<PlannedOp> graphics_ops(const Selection& selection, const Request& request,
                                    const Inventory& inventory, const Config& config);
// Binds of the driver files that the capabilities bring in.
std::vector<PlannedOp> file_ops(const Request& request, const Inventory& inventory,
                                const Container& container);
// SONAME and development links for the bound libraries.
std::vector<PlannedOp> link_ops(const Request& request, const Inventory& inventory,
                                const Container& container);
// The view of /proc/driver/nvidia.
std::vector<PlannedOp> proc_ops(const Selection& selection, const Request& request,
                                const Inventory& inventory);
// The loader cache entries for the links and libraries; none for images whose loader has no cache.
std::vector<PlannedOp> loader_ops(const Request& request, const Inventory& inventory,
                                  const Container& container, const Config& config);

// Why the image's own CUDA libraries are, or are not, preferred to the host's; nothing when it has
// none.
struct CompatDecision {
  bool preferred = false;
  std::string reason;
  bool operator==(const CompatDecision&) const = default;
};
std::optional<CompatDecision> decide_cuda_compat(const Request& request, const Inventory& inventory,
                                                 const Container& container, const Config& config);
// /usr/local/cuda/compat: where images keep them.
ContainerPath cuda_compat_directory();

// Whether `request` asks for drawing in any form.
bool wants_graphics(const Request& request);

// Whether the capabilities of `request` bring `file` into a container.
bool wanted(const DriverFile& file, const Request& request);

// "libcuda" of "libcuda.so.550.54.15".
std::string_view library_stem(std::string_view file_name);

}  // namespace gpuhook::plan
