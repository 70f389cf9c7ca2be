// SPDX-License-Identifier: Apache-2.0
// The sample host, spelled out.
#include "support/sample.h"

#include "support/results.h"

namespace gpuhook::testing {
namespace {

using enum Capability;

DeviceNode node(const std::string& path, std::uint32_t major, std::uint32_t minor) {
  return {.path = HostPath::literal(path), .number = {.major = major, .minor = minor}};
}

MigInstance mig(std::uint32_t gi, std::uint32_t ci, std::uint32_t gi_node, std::uint32_t ci_node) {
  return {.gpu_instance = gi,
          .compute_instance = ci,
          .gpu_instance_access =
              node("/dev/nvidia-caps/nvidia-cap" + std::to_string(gi_node), 240, gi_node),
          .compute_instance_access =
              node("/dev/nvidia-caps/nvidia-cap" + std::to_string(ci_node), 240, ci_node)};
}

}  // namespace

DriverFile library(const std::string& name, const std::string& soname, CapabilitySet capabilities) {
  return {.kind = DriverFileKind::kLibrary,
          .path = HostPath::literal("/usr/lib64/" + name + ".so.550.54.15"),
          .soname = soname,
          .development_link = false,
          .capabilities = capabilities};
}

Inventory sample_inventory() {
  Inventory host;
  host.driver = value_of(DriverVersion::parse("550.54.15"));
  host.cuda_version = "12.4";
  host.gpus = {
      {.index = 0,
       .minor = 3,
       .pci = {.bus = 0x0a},
       .uuid = kFirstUuid,
       .model = "NVIDIA H100 80GB HBM3",
       .node = node("/dev/nvidia3", 195, 3)},
      {.index = 1,
       .minor = 1,
       .pci = {.bus = 0x0b},
       .uuid = kSecondUuid,
       .model = "NVIDIA A100-SXM4-40GB",
       .node = node("/dev/nvidia1", 195, 1),
       .mig = {mig(1, 0, 12, 13), mig(1, 1, 12, 14), mig(2, 0, 21, 22)}},
  };
  host.control_nodes = {node("/dev/nvidiactl", 195, 255), node("/dev/nvidia-modeset", 195, 254),
                        node("/dev/nvidia-uvm", 236, 0), node("/dev/nvidia-uvm-tools", 236, 1)};
  host.files = {
      library("libcuda", "libcuda.so.1", {kCompute, kVideo}),
      library("libnvidia-ml", "libnvidia-ml.so.1", {kUtility}),
      library("libnvidia-encode", "libnvidia-encode.so.1", {kVideo}),
      library("libnvidia-unknown", "libnvidia-unknown.so.550.54.15", {}),
      {.kind = DriverFileKind::kProgram,
       .path = HostPath::literal("/usr/local/nvidia/bin/nvidia-smi"),
       .soname = "nvidia-smi",
       .capabilities = {kUtility}},
      {.kind = DriverFileKind::kFirmware,
       .path = HostPath::literal("/usr/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin"),
       .soname = "gsp_ga10x.bin",
       .capabilities = CapabilitySet::all()},
      {.kind = DriverFileKind::kSocket,
       .path = HostPath::literal("/run/nvidia-persistenced/socket"),
       .soname = "nvidia-persistenced",
       .capabilities = {kUtility}},
  };
  host.files[0].development_link = true;
  host.proc = {
      {"params", "ModifyDeviceFiles: 0\n"},
      {"version", "NVRM version: 550.54.15\n"},
      {"gpus/0000:0a:00.0/information", "Device Minor: 3\n"},
      {"gpus/0000:0b:00.0/information", "Device Minor: 1\n"},
      {"capabilities/gpu1/mig/gi1/access", "DeviceFileMinor: 12\n"},
      {"capabilities/gpu1/mig/gi1/ci0/access", "DeviceFileMinor: 13\n"},
      {"capabilities/gpu1/mig/gi1/ci1/access", "DeviceFileMinor: 14\n"},
      {"capabilities/gpu1/mig/gi2/access", "DeviceFileMinor: 21\n"},
      {"capabilities/gpu1/mig/gi2/ci0/access", "DeviceFileMinor: 22\n"},
  };
  host.absences = {{"libnvidia-nscq", "no libnvidia-nscq.so.550.54.15 in /usr/lib64"}};
  return host;
}

}  // namespace gpuhook::testing
