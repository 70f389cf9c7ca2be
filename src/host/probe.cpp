// SPDX-License-Identifier: Apache-2.0
// Puts an Inventory together.
#include <array>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/gpuhook.h"
#include "host/cuda_version.h"
#include "host/device_nodes.h"
#include "host/driver_files.h"
#include "host/feature_nodes.h"
#include "host/procfs_gpus.h"
#include "sys/rooted_dir.h"

namespace gpuhook {
namespace {

Status read_driver_files_in(const HostPath& path, const Config& config, Inventory& inventory) {
  const sys::RootedDir root = TRY(doing("opening the driver root", sys::RootedDir::open(path)));
  inventory.driver_root = path;
  return host::read_driver_files(root, inventory, config.leave_out);
}

// The configured root, or the first of the usual ones that holds the libraries. What the first root
// lacks is what people need to know when no root fits.
Status find_driver_files(const Config& config, Inventory& inventory) {
  if (config.driver_root) return read_driver_files_in(*config.driver_root, config, inventory);
  Status in_host_root = read_driver_files_in(HostPath(), config, inventory);
  if (in_host_root) return {};
  Inventory containerised = inventory;
  if (read_driver_files_in(HostPath::literal("/run/nvidia/driver"), config, containerised)) {
    inventory = std::move(containerised);
    return {};
  }
  return in_host_root;
}

}  // namespace

std::string_view name_of(DriverFileKind kind) {
  constexpr std::array<std::string_view, 6> kNames{"library", "program", "firmware",
                                                   "socket",  "data",    "xorg-module"};
  return kNames.at(static_cast<std::size_t>(kind));
}

Result<Inventory> probe_host(const Config& config) {
  const auto probe = [&config]() -> Result<Inventory> {
    const sys::RootedDir host = TRY(sys::RootedDir::open(HostPath()));
    Inventory inventory;
    inventory.device_root = config.device_root.value_or(HostPath());
    const sys::RootedDir device_root =
        TRY(doing("opening the device root", sys::RootedDir::open(inventory.device_root)));
    inventory.driver = TRY(host::read_module_version(host));
    inventory.cuda_version = host::cuda_version_of(inventory.driver);
    TRY(host::read_gpus(host, inventory));
    TRY(host::read_device_nodes(host, device_root, inventory));
    TRY(host::read_feature_nodes(host, device_root, config.leave_out, inventory));
    TRY(find_driver_files(config, inventory));
    host::read_proc_files(host, inventory);
    return inventory;
  };
  return doing("looking at the host's GPUs", probe());
}

}  // namespace gpuhook
