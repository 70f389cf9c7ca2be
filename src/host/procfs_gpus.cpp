// SPDX-License-Identifier: Apache-2.0
// Walks /proc/driver/nvidia. Reading these files wakes no GPU.
#include "host/procfs_gpus.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/try.h"
#include "formats/proc_nvidia.h"
#include "formats/proc_tables.h"

namespace gpuhook::host {
namespace {

constexpr std::string_view kProcDriver = "/proc/driver/nvidia";
constexpr std::size_t kMaxProcBytes = 65536;
constexpr std::size_t kMaxMigMinorsBytes = std::size_t{1} << 20U;  // 64 GPUs: 300 KiB
constexpr std::size_t kMaxGpus = 64;
constexpr std::size_t kMaxMigEntries = 256;

// N of "gi7"; nothing for another name.
std::optional<std::uint32_t> numbered(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) ? number<std::uint32_t>(name.substr(prefix.size()))
                                  : std::nullopt;
}

// The numbers N of the sub-directories called PREFIX N, ascending; empty without the directory.
std::vector<std::uint32_t> numbered_entries(const sys::RootedDir& host,
                                            const std::string& directory, std::string_view prefix) {
  std::vector<std::uint32_t> found;
  const Result<std::vector<sys::DirEntry>> entries = host.list(directory, kMaxMigEntries);
  if (!entries) return found;
  for (const sys::DirEntry& entry : *entries) {
    if (const auto id = numbered(entry.name, prefix)) found.push_back(*id);
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The node of a capability file: since driver 450 the file only names the node's minor.
std::optional<DeviceNode> capability_node(const sys::RootedDir& host, const std::string& file,
                                          std::optional<std::uint32_t> major) {
  const Result<std::string> text = host.read_file(file, kMaxProcBytes);
  const auto minor = text ? formats::parse_capability_minor(*text) : std::nullopt;
  if (!minor || !major) return std::nullopt;
  return DeviceNode{.path = HostPath::literal(concat("/dev/nvidia-caps/nvidia-cap", *minor)),
                    .number = {.major = *major, .minor = *minor}};
}

std::vector<MigInstance> read_mig(const sys::RootedDir& host, std::uint32_t gpu_minor,
                                  std::optional<std::uint32_t> caps_major) {
  std::vector<MigInstance> instances;
  const std::string mig = concat(kProcDriver, "/capabilities/gpu", gpu_minor, "/mig");
  for (const std::uint32_t gi : numbered_entries(host, mig, "gi")) {
    const std::string gi_directory = concat(mig, "/gi", gi);
    const auto gi_access = capability_node(host, gi_directory + "/access", caps_major);
    for (const std::uint32_t ci : numbered_entries(host, gi_directory, "ci")) {
      instances.push_back({
          .gpu_instance = gi,
          .compute_instance = ci,
          .gpu_instance_access = gi_access,
          .compute_instance_access =
              capability_node(host, concat(gi_directory, "/ci", ci, "/access"), caps_major),
      });
    }
  }
  return instances;
}

// Which minors the nodes of a GPU's MIG devices can have, existing or not.
void read_mig_minors(const sys::RootedDir& host, std::vector<Gpu>& gpus) {
  const Result<std::string> text =
      host.read_file("/proc/driver/nvidia-caps/mig-minors", kMaxMigMinorsBytes);
  if (!text) return;  // a driver without MIG
  for (const formats::MigMinor& entry : formats::parse_mig_minors(*text)) {
    for (Gpu& gpu : gpus) {
      if (gpu.minor == entry.gpu_minor) gpu.mig_minors.push_back(entry.minor);
    }
  }
}

void add_proc_file(const sys::RootedDir& host, const std::string& path, Inventory& inventory) {
  Result<std::string> content = host.read_file(concat(kProcDriver, "/", path), kMaxProcBytes);
  if (!content) return;  // which files exist depends on the driver's version; none is indispensable
  inventory.proc.push_back({.path = path, .content = std::move(*content)});
}

Result<formats::GpuInformation> read_information(const sys::RootedDir& host,
                                                 const std::string& name) {
  const std::string file = concat(kProcDriver, "/gpus/", name, "/information");
  const std::string text = TRY(host.read_file(file, kMaxProcBytes));
  return doing(concat("reading ", file), formats::parse_gpu_information(text));
}

Gpu gpu_of(formats::GpuInformation information, std::uint32_t major) {
  Gpu gpu;
  gpu.minor = *information.minor;
  gpu.uuid = std::move(information.uuid);
  gpu.model = std::move(information.model);
  gpu.node = {.path = HostPath::literal(concat("/dev/nvidia", gpu.minor)),
              .number = {.major = major, .minor = gpu.minor}};
  return gpu;
}

}  // namespace

Result<DriverVersion> read_module_version(const sys::RootedDir& host) {
  const Result<std::string> text = host.read_file(concat(kProcDriver, "/version"), kMaxProcBytes);
  if (!text) {
    return fail(ErrorKind::kNoDriver,
                "the NVIDIA kernel module is not loaded (no \"/proc/driver/nvidia/version\")",
                "install the driver or run `modprobe nvidia` on the host");
  }
  return formats::parse_module_version(*text);
}

Status read_gpus(const sys::RootedDir& host, Inventory& inventory) {
  const std::string devices = TRY(host.read_file("/proc/devices", kMaxProcBytes));
  const std::vector<formats::DeviceMajor> majors = formats::parse_character_devices(devices);
  const auto gpu_major = formats::major_of(majors, {"nvidia", "nvidia-frontend"});
  const auto caps_major = formats::major_of(majors, {"nvidia-caps"});
  const std::string mig = concat(kProcDriver, "/capabilities/mig");
  inventory.mig_config = capability_node(host, mig + "/config", caps_major);
  inventory.mig_monitor = capability_node(host, mig + "/monitor", caps_major);
  const Result<std::vector<sys::DirEntry>> entries =
      host.list(concat(kProcDriver, "/gpus"), kMaxGpus);
  if (!entries && entries.error().kind == ErrorKind::kNotFound)
    return {};  // module loaded, no GPU bound to it
  if (!entries) return tl::unexpected<Error>(entries.error());
  if (!gpu_major && !entries->empty())
    return fail(ErrorKind::kNoDriver, "no character device \"nvidia\" in \"/proc/devices\"");
  for (const sys::DirEntry& entry : *entries) {
    const Result<PciAddress> pci = PciAddress::parse(entry.name);
    if (!pci) continue;  // the driver names these directories by PCI address only
    Result<formats::GpuInformation> information = read_information(host, entry.name);
    if (information && information->excluded) {
      inventory.absences.push_back(
          {.what = concat("GPU ", entry.name), .reason = "excluded by the driver's configuration"});
      continue;
    }
    Gpu gpu = information ? gpu_of(std::move(*information), *gpu_major) : Gpu{};
    gpu.pci = *pci;
    if (information) gpu.mig = read_mig(host, gpu.minor, caps_major);
    if (!information) gpu.problem = to_line(information.error());
    inventory.gpus.push_back(std::move(gpu));
  }
  std::sort(inventory.gpus.begin(), inventory.gpus.end(),
            [](const Gpu& a, const Gpu& b) { return a.pci < b.pci; });
  for (std::size_t i = 0; i < inventory.gpus.size(); ++i)
    inventory.gpus[i].index = static_cast<std::uint32_t>(i);
  read_mig_minors(host, inventory.gpus);
  return {};
}

void read_proc_files(const sys::RootedDir& host, Inventory& inventory) {
  for (const std::string_view name : {"params", "registry", "version"})
    add_proc_file(host, std::string(name), inventory);
  for (ProcFile& file : inventory.proc) {
    if (file.path == "params")
      file.content = formats::without_device_file_modification(file.content);
  }
  for (const Gpu& gpu : inventory.gpus) {
    add_proc_file(host, concat("gpus/", gpu.pci.text(), "/information"), inventory);
    add_proc_file(host, concat("gpus/", gpu.pci.text(), "/registry"), inventory);
    std::optional<std::uint32_t> last_gi;
    for (const MigInstance& mig : gpu.mig) {
      const std::string gi = concat("capabilities/gpu", gpu.minor, "/mig/gi", mig.gpu_instance);
      if (last_gi != mig.gpu_instance) add_proc_file(host, gi + "/access", inventory);
      last_gi = mig.gpu_instance;
      add_proc_file(host, concat(gi, "/ci", mig.compute_instance, "/access"), inventory);
    }
  }
}

}  // namespace gpuhook::host
