// SPDX-License-Identifier: Apache-2.0
// What a container receives and where, held against the contract with images (sections 1.5, 2.3,
// 2.4, 2.6 and 2.7; tests/contract.tsv lists every row).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "plan/rules.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::error_kind;
using ::testing::IsEmpty;
using testing::kSecondUuid;
using testing::library;
using testing::sample_inventory;
using testing::value_of;
using enum Capability;

const Container kFedora{.libraries = LibraryConvention::kLib64,
                        .libraries32 = Compat32Convention::kLib};

HostPath host_file(const std::string& path) { return HostPath::literal(path); }

DriverFile in_32_bit(DriverFile file) {
  file.path = host_file("/usr/lib32/" + std::string(file.path.name()));
  file.compat32 = true;
  return file;
}

// The sample host with one item of each kind that the contract gates.
Inventory complete_host() {
  Inventory host = sample_inventory();
  host.mps_directory = host_file("/tmp/nvidia-mps");
  host.gpus[0].drm = {{.node = {host_file("/dev/dri/card1"), {226, 1}}, .role = "card"},
                      {.node = {host_file("/dev/dri/renderD128"), {226, 128}}, .role = "render"}};
  host.files.push_back({.kind = DriverFileKind::kSocket,
                        .path = host_file("/run/nvidia-fabricmanager/socket"),
                        .soname = "nvidia-fabricmanager",
                        .capabilities = {kUtility}});
  host.files.push_back(library("libGLX_nvidia", "libGLX_nvidia.so.0", {kGraphics, kDisplay}));
  host.files.push_back(library("libnvidia-opticalflow", "libnvidia-opticalflow.so.1", {kVideo}));
  host.files.push_back(
      library("libnvidia-allocator", "libnvidia-allocator.so.1", {kCompute, kGraphics, kDisplay}));
  return host;
}

std::set<std::string> targets(const InjectionPlan& plan) {
  std::set<std::string> found;
  for (const PlannedOp& op : plan.ops) {
    if (const ContainerPath* const target = target_of(op.op)) found.insert(target->text());
  }
  return found;
}

std::set<std::string> targets(const Request& request, const Inventory& host = complete_host()) {
  return targets(value_of(make_plan(request, host, kFedora)));
}

Request for_gpu_0(CapabilitySet capabilities) {
  return {.devices = {GpuIndex{0}}, .capabilities = capabilities};
}

// --- 2.3: what comes with which capability ---

struct Gate {
  std::string item;
  CapabilitySet opened_by;
};

const CapabilitySet kAny = CapabilitySet::all();
const std::vector<Gate> kGates{
    {"/dev/nvidiactl", kAny},
    {"/dev/nvidia-uvm", {kCompute, kVideo}},
    {"/dev/nvidia-uvm-tools", {kCompute, kVideo}},
    {"/dev/nvidia-modeset", {kDisplay, kGraphics}},  // graphics: README, what differs
    {"/dev/nvidia3", kAny},
    {"/dev/dri/card1", {kDisplay, kGraphics}},
    {"/dev/dri/renderD128", {kDisplay, kGraphics}},
    {"/dev/dri/by-path/pci-0000:0a:00.0-card", {kDisplay, kGraphics}},
    {"/dev/dri/by-path/pci-0000:0a:00.0-render", {kDisplay, kGraphics}},
    {"/run/nvidia-persistenced/socket", {kUtility}},
    {"/run/nvidia-fabricmanager/socket", {kUtility}},
    {"/tmp/nvidia-mps", {kCompute}},
    {"/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin", kAny},
    {"/etc/nvidia/nvidia-application-profiles-rc.d", {kDisplay, kGraphics}},
    {"/proc/driver/nvidia", kAny},
    {"/usr/bin/nvidia-smi", {kUtility}},
    {"/usr/lib64/libcuda.so.550.54.15", {kCompute, kVideo}},
    {"/usr/lib64/libnvidia-ml.so.550.54.15", {kUtility}},
    {"/usr/lib64/libnvidia-encode.so.550.54.15", {kVideo}},
    {"/usr/lib64/libGLX_nvidia.so.550.54.15", {kDisplay, kGraphics}},
};

TEST(ContractGates, OpenForTheirCapabilitiesAndNoOther) {
  for (const Capability capability :
       {kCompute, kCompat32, kDisplay, kGraphics, kNgx, kUtility, kVideo}) {
    const std::set<std::string> given = targets(for_gpu_0({capability}));
    for (const Gate& gate : kGates) {
      EXPECT_EQ(given.contains(gate.item), gate.opened_by.contains(capability))
          << gate.item << " for " << name_of(capability);
    }
  }
}

TEST(ContractGates, GiveDriverFilesButNoGpuForNone) {
  const std::set<std::string> given = targets({.devices = {}, .capabilities = kAny});
  for (const std::string item :
       {"/dev/nvidiactl", "/dev/nvidia-uvm", "/usr/bin/nvidia-smi",
        "/usr/lib64/libcuda.so.550.54.15", "/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin",
        "/proc/driver/nvidia"})
    EXPECT_TRUE(given.contains(item)) << item;
  for (const std::string item :
       {"/dev/nvidia1", "/dev/nvidia3", "/dev/dri/card1", "/dev/nvidia-caps/nvidia-cap12"})
    EXPECT_FALSE(given.contains(item)) << item;
}

TEST(ContractGates, GiveDriverFilesWhereAllGpusOfAHostWithoutGpusAreWanted) {
  Inventory host = complete_host();
  host.gpus.clear();
  EXPECT_EQ(targets({.devices = {AllDevices{}}, .capabilities = {kCompute}}, host),
            targets({.devices = {}, .capabilities = {kCompute}}, host));
}

TEST(ContractGates, MakeDisplayWhatGraphicsIs) {
  EXPECT_EQ(targets(for_gpu_0({kDisplay})), targets(for_gpu_0({kGraphics})));
}

TEST(ContractGates, GiveOf32BitLibrariesThoseOfWhatElseIsAsked) {
  Inventory host = complete_host();
  for (const std::string stem : {"libcuda", "libnvidia-ml", "libnvidia-encode", "libGLX_nvidia"}) {
    const auto original = std::find_if(host.files.begin(), host.files.end(), [&](const auto& file) {
      return plan::library_stem(file.path.name()) == stem;
    });
    host.files.push_back(in_32_bit(*original));
  }
  const auto given = [&host](CapabilitySet capabilities) {
    std::vector<std::string> found;
    for (const std::string& target : targets(for_gpu_0(capabilities), host)) {
      if (target.starts_with("/usr/lib/") && target.ends_with(".so.550.54.15"))
        found.push_back(target.substr(sizeof "/usr/lib"));
    }
    return found;
  };
  EXPECT_THAT(given({kCompute, kUtility, kVideo, kGraphics}), IsEmpty());
  EXPECT_THAT(given({kCompat32}), IsEmpty());
  EXPECT_THAT(given({kCompute, kCompat32}), ElementsAre("libcuda.so.550.54.15"));
  EXPECT_THAT(given({kUtility, kCompat32}), ElementsAre("libnvidia-ml.so.550.54.15"));
  EXPECT_THAT(given({kVideo, kCompat32}),
              ElementsAre("libcuda.so.550.54.15", "libnvidia-encode.so.550.54.15"));
  EXPECT_THAT(given({kDisplay, kCompat32}), ElementsAre("libGLX_nvidia.so.550.54.15"));
}

// --- 2.4: where it goes ---

TEST(ContractPlaces, DoNotHangOnTheHostsRoots) {
  Inventory elsewhere = complete_host();
  elsewhere.driver_root = host_file("/run/nvidia/driver");
  elsewhere.device_root = host_file("/run/nvidia/devices");
  EXPECT_EQ(targets(for_gpu_0(kAny), elsewhere), targets(for_gpu_0(kAny)));
}

TEST(ContractPlaces, OfProgramsAreOneDirectoryWhateverTheHosts) {
  for (const std::string directory :
       {"/usr/bin", "/usr/local/nvidia/bin", "/usr/lib/nvidia/current", "/opt/driver/sbin"}) {
    Inventory host = sample_inventory();
    host.files.push_back({.kind = DriverFileKind::kProgram,
                          .path = host_file(directory + "/nvidia-debugdump"),
                          .soname = "nvidia-debugdump",
                          .capabilities = {kUtility}});
    EXPECT_THAT(targets(for_gpu_0({kUtility}), host), Contains("/usr/bin/nvidia-debugdump"));
  }
}

TEST(ContractPlaces, OfLibrariesAreOneDirectoryWhateverTheHosts) {
  for (const std::string directory :
       {"/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu/nvidia/current",
        "/usr/local/nvidia/lib64", "/usr/lib64/vdpau"}) {
    Inventory host = sample_inventory();
    DriverFile file = library("libvdpau_nvidia", "libvdpau_nvidia.so.1", {kVideo});
    file.path = host_file(directory + "/libvdpau_nvidia.so.550.54.15");
    host.files.push_back(file);
    EXPECT_THAT(targets(for_gpu_0({kVideo}), host),
                Contains("/usr/lib64/libvdpau_nvidia.so.550.54.15"));
  }
}

TEST(ContractPlaces, AreWhereTheHostHasThem) {
  const InjectionPlan plan = value_of(make_plan(for_gpu_0(kAny), complete_host(), kFedora));
  for (const PlannedOp& op : plan.ops) {
    if (const auto* const node = std::get_if<BindDevice>(&op.op)) {
      EXPECT_EQ(node->target.text(), node->source.text());
    }
    if (const auto* const socket = std::get_if<BindSocket>(&op.op)) {
      EXPECT_EQ(socket->target.text(), socket->source.text());
    }
    if (const auto* const directory = std::get_if<BindDirectory>(&op.op)) {
      EXPECT_EQ(directory->target.text(), directory->source.text());
    }
  }
}

// --- 2.6: links beside libraries ---

std::vector<std::string> links(CapabilitySet capabilities) {
  std::vector<std::string> found;
  for (const PlannedOp& op :
       value_of(make_plan(for_gpu_0(capabilities), complete_host(), kFedora)).ops) {
    if (const auto* const link = std::get_if<MakeLink>(&op.op))
      found.push_back(link->target.text() + " -> " + link->points_to);
  }
  return found;
}

TEST(ContractLinks, AreMadeForLibrariesThatAreThere) {
  struct {
    std::string link;
    CapabilitySet made_by;
  } const rows[] = {
      {"/usr/lib64/libcuda.so -> libcuda.so.1", {kCompute, kVideo}},
      {"/usr/lib64/libcuda.so.1 -> libcuda.so.550.54.15", {kCompute, kVideo}},
      {"/usr/lib64/libnvidia-ml.so.1 -> libnvidia-ml.so.550.54.15", {kUtility}},
      {"/usr/lib64/libnvidia-opticalflow.so -> libnvidia-opticalflow.so.1", {kVideo}},
      {"/usr/lib64/libGLX_indirect.so.0 -> libGLX_nvidia.so.550.54.15", {kGraphics, kDisplay}},
      {"/usr/lib64/gbm/nvidia-drm_gbm.so -> ../libnvidia-allocator.so.1", {kGraphics, kDisplay}},
  };
  for (const Capability capability : {kCompute, kDisplay, kGraphics, kNgx, kUtility, kVideo}) {
    const std::vector<std::string> made = links({capability});
    for (const auto& row : rows) {
      const bool found = std::find(made.begin(), made.end(), row.link) != made.end();
      EXPECT_EQ(found, row.made_by.contains(capability))
          << row.link << " for " << name_of(capability);
    }
  }
}

// 2.8
TEST(ContractLinks, NameTheVulkanProducerWithoutAVersion) {
  Inventory host = sample_inventory();
  host.files.push_back(library("libnvidia-vulkan-producer",
                               "libnvidia-vulkan-producer.so.550.54.15", {kGraphics, kDisplay}));
  const std::string target = "/usr/lib64/libnvidia-vulkan-producer.so";
  for (const PlannedOp& op : value_of(make_plan(for_gpu_0({kGraphics}), host, kFedora)).ops) {
    const auto* const link = std::get_if<MakeLink>(&op.op);
    if (link == nullptr || link->target.text() != target) continue;
    EXPECT_EQ(link->points_to, "libnvidia-vulkan-producer.so.550.54.15");
    return;
  }
  FAIL() << "no " << target;
}

// --- 1.5: whom requirements are held against ---

TEST(ContractRequirements, AreHeldAgainstTheGpuOfASelectedMigDeviceOnly) {
  Inventory host = sample_inventory();
  host.gpus[0].architecture = "7.0";
  host.gpus[1].architecture = "8.0";
  Request request{.devices = {MigIndex{1, 0}}, .requirements = {"arch>=8.0"}};
  EXPECT_TRUE(make_plan(request, host, kFedora));
  request.requirements = {"arch<8.0"};
  EXPECT_EQ(error_kind(make_plan(request, host, kFedora)), "unmet-requirement");
}

TEST(ContractRequirements, AreHeldAgainstTheDriverWhereNoGpuIsSelected) {
  const auto planned = [](const std::string& requirement) {
    return make_plan({.devices = {}, .requirements = {requirement}}, sample_inventory(), kFedora);
  };
  EXPECT_TRUE(planned("driver>=550"));
  EXPECT_TRUE(planned("brand=tesla"));
  EXPECT_EQ(error_kind(planned("driver>=551")), "unmet-requirement");
  EXPECT_EQ(error_kind(planned("cuda>=13.0")), "unmet-requirement");
}

TEST(ContractRequirements, MustAllHold) {
  const auto planned = [](std::vector<std::string> requirements) {
    return make_plan({.devices = {}, .requirements = std::move(requirements)}, sample_inventory(),
                     kFedora);
  };
  EXPECT_TRUE(planned({"cuda>=12", "driver>=550"}));
  EXPECT_EQ(error_kind(planned({"cuda>=12", "driver>=551"})), "unmet-requirement");
  EXPECT_EQ(error_kind(planned({"cuda>=13", "driver>=550"})), "unmet-requirement");
}

// --- 2.7: MIG devices ---

TEST(ContractMig, GivesADeviceTheNodesOfBothItsInstancesAndItsGpu) {
  const std::set<std::string> given =
      targets({.devices = {MigIndex{1, 1}}, .capabilities = {kUtility}});
  for (const std::string item :
       {"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap12", "/dev/nvidia-caps/nvidia-cap14"})
    EXPECT_TRUE(given.contains(item)) << item;
  for (const std::string item : {"/dev/nvidia3", "/dev/nvidia-caps/nvidia-cap13",
                                 "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps"})
    EXPECT_FALSE(given.contains(item)) << item;
}

TEST(ContractMig, GivesAGpuAloneNoNodeOfItsMigDevices) {
  for (const std::string& target : targets({.devices = {GpuIndex{1}}, .capabilities = {kUtility}}))
    EXPECT_FALSE(target.starts_with("/dev/nvidia-caps")) << target;
}

// 1.5
TEST(ContractMig, RefusesRightsBesideSingleDevices) {
  Inventory host = sample_inventory();
  host.mig_config = DeviceNode{host_file("/dev/nvidia-caps/nvidia-cap1"), {240, 1}};
  host.mig_monitor = DeviceNode{host_file("/dev/nvidia-caps/nvidia-cap2"), {240, 2}};
  host.gpus[1].mig[0].uuid = "MIG-00000000-0000-0000-0000-00000000000c";
  const std::vector<DeviceSelector> single{MigIndex{1, 0}, MigUuid{host.gpus[1].mig[0].uuid},
                                           MigPath{kSecondUuid, 1, 0}};
  for (const DeviceSelector& device : single) {
    const auto planned = [&](const Request& request) {
      return static_cast<bool>(make_plan(request, host, kFedora));
    };
    EXPECT_TRUE(planned({.devices = {device}})) << text_of(device);
    EXPECT_FALSE(planned({.devices = {device}, .mig_config = true})) << text_of(device);
    EXPECT_FALSE(planned({.devices = {device}, .mig_monitor = true})) << text_of(device);
    EXPECT_FALSE(planned({.devices = {GpuIndex{1}, device}, .mig_config = true}));
  }
  for (const DeviceSelector& device : {DeviceSelector(GpuIndex{1}), DeviceSelector(AllDevices{})})
    EXPECT_TRUE(make_plan({.devices = {device}, .mig_config = true}, host, kFedora));
}

TEST(ContractMig, GivesAllDevicesForAll) {
  const std::set<std::string> given =
      targets({.devices = {AllDevices{}}, .capabilities = {kUtility}});
  for (const std::string node : {"12", "13", "14", "21", "22"})
    EXPECT_TRUE(given.contains("/dev/nvidia-caps/nvidia-cap" + node)) << node;
}

}  // namespace
}  // namespace gpuhook
