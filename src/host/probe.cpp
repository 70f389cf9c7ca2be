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

constexpr std::string_view kDriverContainer = "/run/nvidia/driver";

Status read_driver_files_in(const HostPath& path, const Config& config, Inventory& inventory) {
  const sys::RootedDir root = TRY(doing("opening the driver root", sys::RootedDir::open(path)));
  inventory.driver_root = path;
  return host::read_driver_files(root, inventory, config.leave_out);
}

// The configured root, or the first of the usual ones that holds the libraries. What the first root
// lacks is what people need to know when no root fits.
Status find_driver_files(const Config& config, Inventory& inventory) {
  if (config.driver_root) return read_driver_files_in(*config.driver_root, config, inventory);
  Inventory containerised = inventory;
  Status in_host_root = read_driver_files_in(HostPath(), config, inventory);
  if (in_host_root) return {};
  if (read_driver_files_in(HostPath::literal(kDriverContainer), config, containerised)) {
    inventory = std::move(containerised);
    return {};
  }
  return in_host_root;
}

// The configured root, or the first of the usual ones that has the control node: driver containers
// make the nodes in their own root.
HostPath device_root_of(const Config& config, const sys::RootedDir& host) {
  if (config.device_root) return *config.device_root;
  const HostPath driver_root = config.driver_root.value_or(HostPath::literal(kDriverContainer));
  const bool only_there =
      !host.exists("/dev/nvidiactl") && host.exists((driver_root / "dev/nvidiactl").text());
  return only_there ? driver_root : HostPath();
}

// Files of a feature are the host's own: a plan, whose files come from the driver root, can have
// them only where the two are the same.
void keep_host_files(Inventory& inventory) {
  if (inventory.driver_root == HostPath()) return;
  std::erase_if(inventory.feature_files, [&inventory](const FeatureFile& file) {
    if (file.directory) return false;
    inventory.absences.push_back(
        {.what = file.path.text(),
         .reason = "not in the driver root, which is not the host's root"});
    return true;
  });
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
    inventory.device_root = device_root_of(config, host);
    const sys::RootedDir device_root =
        TRY(doing("opening the device root", sys::RootedDir::open(inventory.device_root)));
    inventory.driver = TRY(host::read_module_version(host));
    inventory.cuda_version = host::cuda_version_of(inventory.driver);
    TRY(host::read_gpus(host, inventory));
    TRY(host::read_device_nodes(host, device_root, inventory));
    TRY(host::read_feature_nodes(host, device_root, config.leave_out, inventory));
    TRY(find_driver_files(config, inventory));
    keep_host_files(inventory);
    host::read_proc_files(host, inventory);
    return inventory;
  };
  return doing("looking at the host's GPUs", probe());
}

}  // namespace gpuhook
