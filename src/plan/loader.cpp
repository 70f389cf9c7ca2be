// SPDX-License-Identifier: Apache-2.0
// What the image's dynamic loader is told, and whose CUDA it finds first.
#include <algorithm>

#include "base/text.h"
#include "plan/library_links.h"
#include "plan/rules.h"

namespace gpuhook::plan {
namespace {

// The kernel module serves libraries newer than itself where these are declared to work with its
// branch. Without a declaration, only a newer branch is worth preferring: libraries of the same
// branch change nothing, and older ones would take features away.
CompatDecision compare_versions(const CudaCompat& image, const DriverVersion& host) {
  const auto& majors = image.driver_majors;
  const std::string pair =
      concat("driver ", image.version.text(), " in the image, ", host.text(), " on the host");
  if (majors.empty()) {
    if (image.version.major() > host.major()) return {.preferred = true, .reason = pair};
    return {.preferred = false, .reason = concat("not of a newer branch: ", pair)};
  }
  if (std::find(majors.begin(), majors.end(), host.major()) == majors.end())
    return {.preferred = false, .reason = concat("not made for this module: ", pair)};
  if (image.version.components() > host.components()) return {.preferred = true, .reason = pair};
  return {.preferred = false, .reason = concat("not newer: ", pair)};
}

// Paths as the image spells them: its own loader follows its own links.
void add_image_libraries(std::vector<LoaderEntry>& entries, const CudaCompat& image) {
  for (const std::string& name : image.names)
    entries.push_back({.soname = name, .path = cuda_compat_directory() / name});
}

void add_libraries(std::vector<LoaderEntry>& entries, const Request& request,
                   const Inventory& inventory, const Container& container) {
  for (const PlacedLibrary& library : placed_libraries(request, inventory, container)) {
    const DriverFile& file = *library.file;
    for (const LibraryLink& link : links_of(file)) {
      entries.push_back(
          {.soname = link.name, .path = library.directory / link.name, .compat32 = file.compat32});
    }
    if (file.soname == file.path.name()) {
      entries.push_back({.soname = file.soname,
                         .path = library.directory / file.soname,
                         .compat32 = file.compat32});
    }
  }
}

}  // namespace

ContainerPath cuda_compat_directory() { return ContainerPath::literal("/usr/local/cuda/compat"); }

std::optional<CompatDecision> decide_cuda_compat(const Request& request, const Inventory& inventory,
                                                 const Container& container, const Config& config) {
  if (!container.cuda_compat) return std::nullopt;
  if (!request.capabilities.intersects({Capability::kCompute, Capability::kVideo}))
    return CompatDecision{.preferred = false, .reason = "CUDA was not asked for"};
  if (container.loader != Loader::kGlibc)
    return CompatDecision{.preferred = false, .reason = "the image has no glibc loader"};
  if (!config.cuda_compat)
    return CompatDecision{.preferred = false, .reason = "disabled by the configuration"};
  return compare_versions(*container.cuda_compat, inventory.driver);
}

std::vector<PlannedOp> loader_ops(const Request& request, const Inventory& inventory,
                                  const Container& container, const Config& config) {
  if (container.loader != Loader::kGlibc) return {};
  UpdateLoaderCache update{.target = loader_cache(), .entries = {}};
  const auto compat = decide_cuda_compat(request, inventory, container, config);
  if (compat && compat->preferred) add_image_libraries(update.entries, *container.cuda_compat);
  add_libraries(update.entries, request, inventory, container);
  if (update.entries.empty()) return {};
  std::string reason = "lets the image's loader find the libraries above";
  if (compat && compat->preferred)
    reason += concat(", and before them the CUDA libraries of the image: ", compat->reason);
  return {{std::move(update), Necessity::kOptional, std::move(reason)}};
}

}  // namespace gpuhook::plan
