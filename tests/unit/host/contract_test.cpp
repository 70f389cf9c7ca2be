// SPDX-License-Identifier: Apache-2.0
// Which files of a driver are found and what each is for, held against the contract with images
// (sections 2.1, 2.2, 2.7 and 2.8; tests/contract.tsv lists every row).
#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "fake_host.h"
#include "host/driver_files.h"
#include "host/procfs_gpus.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::host {
namespace {

using testing::ElfImage;
using testing::FakeHost;
using testing::value_of;
using enum Capability;

constexpr std::string_view kVersion = "550.54.15";

Inventory probe(const FakeHost& host) {
  Inventory inventory;
  inventory.driver = value_of(DriverVersion::parse(kVersion));
  testing::require(read_driver_files(host.open(), inventory));
  return inventory;
}

// libcuda and libnvidia-ml alone, without which nothing is a driver.
FakeHost smallest_driver() {
  return FakeHost::with_driver(kVersion)
      .add_library(concat("/usr/lib64/libcuda.so.", kVersion), "libcuda.so.1")
      .add_library(concat("/usr/lib64/libnvidia-ml.so.", kVersion), "libnvidia-ml.so.1");
}

const DriverFile* find(const Inventory& inventory, std::string_view path) {
  const auto& files = inventory.files;
  const auto found = std::find_if(files.begin(), files.end(), [path](const DriverFile& file) {
    return file.path.text() == path;
  });
  return found == files.end() ? nullptr : &*found;
}

// The capabilities that bring the file at `path`, "nothing" where it was not found.
std::string purpose(const Inventory& inventory, const std::string& path) {
  const DriverFile* const file = find(inventory, path);
  return file == nullptr ? "nothing" : file->capabilities.text();
}

std::string name_of_text(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

// --- 2.1: libraries ---

class UtilityLibrary : public ::testing::TestWithParam<std::string> {};
class ComputeLibrary : public ::testing::TestWithParam<std::string> {};
class VideoLibrary : public ::testing::TestWithParam<std::string> {};
class GraphicsLibrary : public ::testing::TestWithParam<std::string> {};
class NgxLibrary : public ::testing::TestWithParam<std::string> {};
class EveryLibrary : public ::testing::TestWithParam<std::string> {};

const std::vector<std::string> kUtilityLibraries{"libnvidia-ml", "libnvidia-cfg", "libnvidia-nscq"};
const std::vector<std::string> kComputeLibraries{"libcuda",
                                                 "libcudadebugger",
                                                 "libnvidia-opencl",
                                                 "libnvidia-gpucomp",
                                                 "libnvidia-ptxjitcompiler",
                                                 "libnvidia-fatbinaryloader",
                                                 "libnvidia-allocator",
                                                 "libnvidia-compiler",
                                                 "libnvidia-pkcs11",
                                                 "libnvidia-pkcs11-openssl3",
                                                 "libnvidia-nvvm",
                                                 "libnvidia-tileiras"};
const std::vector<std::string> kVideoLibraries{"libvdpau_nvidia", "libnvidia-encode",
                                               "libnvidia-opticalflow", "libnvcuvid"};
const std::vector<std::string> kGraphicsLibraries{
    "libnvidia-eglcore",   "libnvidia-glcore", "libnvidia-tls",    "libnvidia-glsi",
    "libnvidia-fbc",       "libnvidia-ifr",    "libnvidia-rtcore", "libnvoptix",
    "libGLX_nvidia",       "libEGL_nvidia",    "libGLESv2_nvidia", "libGLESv1_CM_nvidia",
    "libnvidia-glvkspirv", "libnvidia-cbl"};
const std::vector<std::string> kNgxLibraries{"libnvidia-ngx"};

std::vector<std::string> every_library() {
  std::vector<std::string> all;
  for (const auto& list :
       {kUtilityLibraries, kComputeLibraries, kVideoLibraries, kGraphicsLibraries, kNgxLibraries})
    all.insert(all.end(), list.begin(), list.end());
  return all;
}

INSTANTIATE_TEST_SUITE_P(Contract, UtilityLibrary, ::testing::ValuesIn(kUtilityLibraries),
                         name_of_text);
INSTANTIATE_TEST_SUITE_P(Contract, ComputeLibrary, ::testing::ValuesIn(kComputeLibraries),
                         name_of_text);
INSTANTIATE_TEST_SUITE_P(Contract, VideoLibrary, ::testing::ValuesIn(kVideoLibraries),
                         name_of_text);
INSTANTIATE_TEST_SUITE_P(Contract, GraphicsLibrary, ::testing::ValuesIn(kGraphicsLibraries),
                         name_of_text);
INSTANTIATE_TEST_SUITE_P(Contract, NgxLibrary, ::testing::ValuesIn(kNgxLibraries), name_of_text);
INSTANTIATE_TEST_SUITE_P(Contract, EveryLibrary, ::testing::ValuesIn(every_library()),
                         name_of_text);

std::string path_of(const std::string& library) {
  return concat("/usr/lib64/", library, ".so.", kVersion);
}
std::string path32_of(const std::string& library) {
  return concat("/usr/lib32/", library, ".so.", kVersion);
}

#if defined(__aarch64__)
constexpr std::uint16_t kMachine32 = EM_ARM;
#else
constexpr std::uint16_t kMachine32 = EM_386;
#endif

// A host with all of them, for both kinds of programs.
const Inventory& full_host() {
  static const Inventory found = [] {
    FakeHost host = FakeHost::with_driver(kVersion);
    for (const std::string& name : every_library()) {
      host.add_library(path_of(name), name + ".so.1");
      host.add_library(
          path32_of(name),
          ElfImage{.is_64_bit = false, .machine = kMachine32, .soname = name + ".so.1"});
    }
    return probe(host);
  }();
  return found;
}
const Inventory& small_host() {
  static const Inventory found = probe(smallest_driver());
  return found;
}

CapabilitySet capabilities_of(const std::string& library) {
  const DriverFile* const file = find(full_host(), path_of(library));
  return file == nullptr ? CapabilitySet() : file->capabilities;
}

TEST_P(UtilityLibrary, ComesWithUtilityOnly) {
  EXPECT_EQ(capabilities_of(GetParam()), CapabilitySet({kUtility}));
}

// Video decodes and encodes through CUDA. What a library does beyond this, its own row says.
TEST_P(ComputeLibrary, ComesWithComputeAndVideo) {
  const CapabilitySet capabilities = capabilities_of(GetParam());
  EXPECT_TRUE(capabilities.contains(kCompute));
  EXPECT_TRUE(capabilities.contains(kVideo));
  EXPECT_FALSE(capabilities.contains(kUtility));
  EXPECT_FALSE(capabilities.contains(kNgx));
}

TEST_P(VideoLibrary, ComesWithVideoOnly) {
  EXPECT_EQ(capabilities_of(GetParam()), CapabilitySet({kVideo}));
}

TEST_P(GraphicsLibrary, ComesWithGraphicsAndDisplayOnly) {
  EXPECT_EQ(capabilities_of(GetParam()), CapabilitySet({kGraphics, kDisplay}));
}

TEST_P(NgxLibrary, ComesWithNgxOnly) {
  EXPECT_EQ(capabilities_of(GetParam()), CapabilitySet({kNgx}));
}

TEST_P(EveryLibrary, ServesTheSamePurposesFor32BitPrograms) {
  const DriverFile* const file = find(full_host(), path32_of(GetParam()));
  ASSERT_NE(file, nullptr);
  EXPECT_TRUE(file->compat32);
  EXPECT_EQ(file->capabilities, capabilities_of(GetParam()));
}

TEST_P(EveryLibrary, IsNoReasonToFailWhereItIsMissing) {
  if (find(small_host(), path_of(GetParam())) != nullptr) return;  // of the two of every driver
  const auto& absences = small_host().absences;
  EXPECT_TRUE(std::any_of(absences.begin(), absences.end(),
                          [](const Absence& absence) { return absence.what == GetParam(); }));
}

// --- 2.1: programs ---

TEST(ContractPrograms, BelongToTheirCapability) {
  struct {
    std::string name;
    std::string capabilities;
  } const rows[] = {
      {"nvidia-smi", "utility"},
      {"nvidia-debugdump", "utility"},
      {"nvidia-persistenced", "utility"},
      {"nv-fabricmanager", "utility"},
      {"nvidia-cuda-mps-control", "compute"},
      {"nvidia-cuda-mps-server", "compute"},
      {"nvidia-xconfig", "display,graphics"},  // 2.8
  };
  FakeHost host = smallest_driver();
  for (const auto& row : rows) host.add_program("/usr/bin/" + row.name);
  const Inventory inventory = probe(host);
  for (const auto& row : rows)
    EXPECT_EQ(purpose(inventory, "/usr/bin/" + row.name), row.capabilities) << row.name;
}

// --- 2.1: what no container gets ---

TEST(ContractNeverInjected, LibrariesOfTheHostsDesktop) {
  for (const std::string name : {"libnvidia-gtk2", "libnvidia-gtk3", "libnvidia-wfb",
                                 "libglxserver_nvidia", "libnvidia-sandboxutils"}) {
    const std::string path = concat("/usr/lib64/", name, ".so.", kVersion);
    EXPECT_EQ(purpose(probe(smallest_driver().add_library(path, "")), path), "nothing") << name;
  }
}

// Not even for who asks for all: a module of the X server is no library.
TEST(ContractNeverInjected, ModulesOfTheXServerAsLibraries) {
  for (const std::string path : {"/usr/lib64/nvidia_drv.so", "/usr/lib64/nvidia/xorg/nvidia_drv.so",
                                 "/usr/lib64/xorg/modules/drivers/nvidia_drv.so"}) {
    for (const DriverFile& file : probe(smallest_driver().add_program(path)).files) {
      EXPECT_FALSE(file.kind == DriverFileKind::kLibrary && file.path.text() == path) << path;
    }
  }
}

TEST(ContractNeverInjected, ProgramsForTheHost) {
  for (const std::string path : {"/usr/bin/nvidia-modprobe", "/usr/bin/nvidia-settings"})
    EXPECT_EQ(purpose(probe(smallest_driver().add_program(path)), path), "nothing");
}

// Drivers with GLVND have them in no version of their own; of others they are unknown files.
TEST(ContractNeverInjected, FrontEndsOfOpenGlForGraphics) {
  for (const std::string name : {"libGL", "libEGL", "libGLESv1_CM", "libGLESv2"}) {
    const std::string path = concat("/usr/lib64/", name, ".so.", kVersion);
    EXPECT_EQ(purpose(probe(smallest_driver().add_library(path, name + ".so.1")), path), "")
        << name;
    const std::string front_end = concat("/usr/lib64/", name, ".so.1.7.0");
    EXPECT_EQ(purpose(probe(smallest_driver().add_library(front_end, name + ".so.1")), front_end),
              "nothing")
        << name;
  }
}

// --- 2.2: which firmware ---

TEST(ContractFirmware, ServesEveryCapability) {
  const std::string path = concat("/lib/firmware/nvidia/", kVersion, "/gsp_ga10x.bin");
  const Inventory inventory = probe(smallest_driver().add_file(path, "firmware"));
  ASSERT_NE(find(inventory, path), nullptr);
  EXPECT_EQ(find(inventory, path)->capabilities, CapabilitySet::all());
}

TEST(ContractSockets, ServeUtilityOnly) {
  for (const std::string path :
       {"/run/nvidia-persistenced/socket", "/run/nvidia-fabricmanager/socket"})
    EXPECT_EQ(purpose(probe(smallest_driver().add_socket(path)), path), "utility");
}

// --- 2.7: the numbers that MIG devices can have ---

// Rights over MIG as a whole are no device of a GPU.
TEST(ContractMigMinors, AreReadForTheGpusOfTheirMinors) {
  FakeHost host = FakeHost::with_driver(kVersion);
  host.add_gpu({.minor = 1, .pci = "0000:0a:00.0"}).add_gpu({.minor = 0, .pci = "0000:0b:00.0"});
  host.add_file("/proc/driver/nvidia-caps/mig-minors",
                "config 1\n"
                "monitor 2\n"
                "gpu0/gi0/access 3\n"
                "gpu0/gi0/ci0/access 4\n"
                "gpu0/gi14/ci7/access 137\n"
                "gpu1/gi0/access 138\n"
                "gpu1/gi0/ci7/access 146\n"
                "gpu12/gi0/access 1623\n"
                "\n");
  Inventory inventory;
  testing::require(read_gpus(host.open(), inventory));
  ASSERT_EQ(inventory.gpus.size(), 2U);
  EXPECT_EQ(inventory.gpus[0].mig_minors, (std::vector<std::uint32_t>{138, 146}));
  EXPECT_EQ(inventory.gpus[1].mig_minors, (std::vector<std::uint32_t>{3, 4, 137}));
}

TEST(ContractMigMinors, AreNoneOfADriverWithoutMig) {
  FakeHost host = FakeHost::with_driver(kVersion);
  host.add_gpu({.minor = 0});
  Inventory inventory;
  testing::require(read_gpus(host.open(), inventory));
  EXPECT_TRUE(inventory.gpus.at(0).mig_minors.empty());
}

// --- 2.8: what graphics adds ---

TEST(ContractGraphics, HasLibrariesWithVersionsOfTheirOwn) {
  for (const std::string name :
       {"libnvidia-egl-gbm", "libnvidia-egl-wayland", "libnvidia-egl-wayland2", "libnvidia-egl-xcb",
        "libnvidia-egl-xlib"}) {
    const std::string path = concat("/usr/lib64/", name, ".so.1.2.3");
    EXPECT_EQ(purpose(probe(smallest_driver().add_library(path, name + ".so.1")), path),
              "display,graphics")
        << name;
  }
}

TEST(ContractGraphics, HasLibrariesOfTheDriversVersion) {
  const std::string producer = path_of("libnvidia-vulkan-producer");
  EXPECT_EQ(purpose(probe(smallest_driver().add_library(producer, "")), producer),
            "display,graphics");
  EXPECT_TRUE(capabilities_of("libnvidia-allocator").contains(kGraphics));
  EXPECT_TRUE(capabilities_of("libnvidia-allocator").contains(kDisplay));
}

#if defined(__aarch64__)
#define GPUHOOK_TEST_ICD "vulkan/icd.d/nvidia_icd.aarch64.json"
#else
#define GPUHOOK_TEST_ICD "vulkan/icd.d/nvidia_icd.x86_64.json"
#endif

struct DataRow {
  std::string name;    // below a directory of data of the host
  std::string target;  // in containers
};

const std::vector<DataRow> kData{
    {"glvnd/egl_vendor.d/10_nvidia.json", "/usr/share/glvnd/egl_vendor.d/10_nvidia.json"},
    {"egl/egl_external_platform.d/15_nvidia_gbm.json",
     "/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json"},
    {"egl/egl_external_platform.d/10_nvidia_wayland.json",
     "/usr/share/egl/egl_external_platform.d/10_nvidia_wayland.json"},
    {"egl/egl_external_platform.d/09_nvidia_wayland2.json",
     "/usr/share/egl/egl_external_platform.d/09_nvidia_wayland2.json"},
    {"egl/egl_external_platform.d/20_nvidia_xcb.json",
     "/usr/share/egl/egl_external_platform.d/20_nvidia_xcb.json"},
    {"egl/egl_external_platform.d/20_nvidia_xlib.json",
     "/usr/share/egl/egl_external_platform.d/20_nvidia_xlib.json"},
    {"nvidia/nvoptix.bin", "/usr/share/nvidia/nvoptix.bin"},
    {"X11/xorg.conf.d/10-nvidia.conf", "/usr/share/X11/xorg.conf.d/10-nvidia.conf"},
    {"X11/xorg.conf.d/nvidia-drm-outputclass.conf",
     "/usr/share/X11/xorg.conf.d/nvidia-drm-outputclass.conf"},
    {"vulkan/icd.d/nvidia_icd.json", "/etc/vulkan/icd.d/nvidia_icd.json"},
    {"vulkan/icd.d/nvidia_layers.json", "/etc/vulkan/icd.d/nvidia_layers.json"},
    {"vulkan/implicit_layer.d/nvidia_layers.json",
     "/etc/vulkan/implicit_layer.d/nvidia_layers.json"},
    {GPUHOOK_TEST_ICD, "/etc/" GPUHOOK_TEST_ICD},
};

TEST(ContractGraphics, HasDataAtFixedPlacesWhereverTheHostKeepsIt) {
  for (const std::string directory : {"/etc/", "/usr/local/share/", "/usr/share/"}) {
    FakeHost host = smallest_driver();
    for (const DataRow& row : kData) host.add_file(directory + row.name, "{}");
    const Inventory inventory = probe(host);
    for (const DataRow& row : kData) {
      const DriverFile* const file = find(inventory, directory + row.name);
      ASSERT_NE(file, nullptr) << directory << row.name;
      EXPECT_EQ(file->kind, DriverFileKind::kData);
      EXPECT_EQ(file->soname, row.target);
      EXPECT_EQ(file->capabilities, CapabilitySet({kGraphics, kDisplay})) << row.name;
    }
  }
}

TEST(ContractGraphics, FindsThePlaceOfTheOpenClDriver) {
  for (const std::string directory : {"/etc/", "/usr/local/share/", "/usr/share/"}) {
    const std::string path = directory + "OpenCL/vendors/nvidia.icd";
    const Inventory inventory = probe(smallest_driver().add_file(path, "libnvidia-opencl.so.1\n"));
    ASSERT_NE(find(inventory, path), nullptr) << path;
    EXPECT_EQ(find(inventory, path)->soname, "/etc/OpenCL/vendors/nvidia.icd");
  }
}

TEST(ContractGraphics, FindsModulesOfTheXServer) {
  const std::string module = concat("libglxserver_nvidia.so.", kVersion);
  struct {
    std::string found;
    std::string below;  // the directory of modules in containers
  } const rows[] = {
      {"/usr/lib64/nvidia/xorg/nvidia_drv.so", "drivers/nvidia_drv.so"},
      {"/usr/lib64/nvidia/xorg/" + module, "extensions/" + module},
      {GPUHOOK_TEST_MULTIARCH "/nvidia/xorg/nvidia_drv.so", "drivers/nvidia_drv.so"},
      {GPUHOOK_TEST_MULTIARCH "/nvidia/xorg/" + module, "extensions/" + module},
      {"/usr/lib/xorg/modules/drivers/nvidia_drv.so", "drivers/nvidia_drv.so"},
      {"/usr/lib/xorg/modules/extensions/" + module, "extensions/" + module},
      {"/usr/lib64/xorg/modules/drivers/nvidia_drv.so", "drivers/nvidia_drv.so"},
      {"/usr/lib64/xorg/modules/extensions/" + module, "extensions/" + module},
  };
  for (const auto& row : rows) {
    const Inventory inventory = probe(smallest_driver().add_program(row.found));
    const DriverFile* const file = find(inventory, row.found);
    ASSERT_NE(file, nullptr) << row.found;
    EXPECT_EQ(file->kind, DriverFileKind::kXorgModule);
    EXPECT_EQ(file->soname, row.below);
    EXPECT_EQ(file->capabilities, CapabilitySet({kGraphics, kDisplay}));
  }
}

}  // namespace
}  // namespace gpuhook::host
