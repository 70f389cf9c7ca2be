// SPDX-License-Identifier: Apache-2.0
#include "host/driver_files.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "fake_host.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::host {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::ElfImage;
using testing::error_kind;
using testing::error_of;
using testing::FakeHost;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing::value_of;
using enum Capability;

constexpr std::string_view kVersion = "550.54.15";
const std::string kMultiarch = GPUHOOK_TEST_MULTIARCH;

Result<Inventory> probe(const FakeHost& host, std::string_view version = kVersion) {
  Inventory inventory;
  inventory.driver = value_of(DriverVersion::parse(version));
  const Status status = read_driver_files(host.open(), inventory);
  if (!status) return tl::unexpected<Error>(status.error());
  return inventory;
}

std::vector<std::string> paths(const Inventory& inventory, DriverFileKind kind) {
  std::vector<std::string> found;
  for (const DriverFile& file : inventory.files) {
    if (file.kind == kind) found.push_back(file.path.text());
  }
  return found;
}

std::vector<std::string> libraries(const FakeHost& host) {
  return paths(value_of(probe(host)), DriverFileKind::kLibrary);
}

std::string absence_of(const Inventory& inventory, std::string_view what) {
  const auto found = std::find_if(inventory.absences.begin(), inventory.absences.end(),
                                  [what](const Absence& absence) { return absence.what == what; });
  return found == inventory.absences.end() ? "not absent" : found->reason;
}

// libcuda and libnvidia-ml in one directory.
FakeHost driver_in(const std::string& directory, std::string_view version = kVersion) {
  return FakeHost::with_driver(kVersion)
      .add_library(concat(directory, "/libcuda.so.", version), "libcuda.so.1")
      .add_library(concat(directory, "/libnvidia-ml.so.", version), "libnvidia-ml.so.1");
}

TEST(ReadDriverFiles, KnowsEverythingAboutALibrary) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_link("/usr/lib64/libcuda.so", "libcuda.so.1");
  EXPECT_THAT(
      value_of(probe(host)).files,
      ElementsAre(DriverFile{.kind = DriverFileKind::kLibrary,
                             .path = HostPath::literal("/usr/lib64/libcuda.so.550.54.15"),
                             .soname = "libcuda.so.1",
                             .development_link = true,
                             .capabilities = {kCompute, kVideo}},
                  DriverFile{.kind = DriverFileKind::kLibrary,
                             .path = HostPath::literal("/usr/lib64/libnvidia-ml.so.550.54.15"),
                             .soname = "libnvidia-ml.so.1",
                             .development_link = false,
                             .capabilities = {kUtility}}));
}

TEST(ReadDriverFiles, TakesTheFileNameOfALibraryWithoutSoname) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib64/libnvidia-tls.so.550.54.15", "");
  const Inventory inventory = value_of(probe(host));
  EXPECT_EQ(inventory.files.back().soname, "libnvidia-tls.so.550.54.15");
}

TEST(ReadDriverFiles, TakesLibrariesThatNoCatalogKnows) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib64/libnvidia-future.so.550.54.15", "libnvidia-future.so.1");
  const DriverFile found = value_of(probe(host)).files.at(1);
  EXPECT_EQ(found.path.name(), "libnvidia-future.so.550.54.15");
  EXPECT_EQ(found.capabilities, CapabilitySet());
}

TEST(ReadDriverFiles, TakesFilesOfExactlyThisVersion) {
  FakeHost host = driver_in("/usr/lib64");
  for (const char* const name : {"libnvidia-cfg.so.550.54.14", "libnvidia-cfg.so.550.54",
                                 "libnvidia-cfg.so.550.54.155", "libnvidia-cfg.so.1550.54.15",
                                 "libnvidia-cfg.so", "libnvidia-cfg.so.1", "nvidia.so.550.54.15"}) {
    host.add_library(concat("/usr/lib64/", name), "");
  }
  EXPECT_THAT(libraries(host), ElementsAre("/usr/lib64/libcuda.so.550.54.15",
                                           "/usr/lib64/libnvidia-ml.so.550.54.15"));
}

TEST(ReadDriverFiles, FindsTheLayoutOfEveryDistribution) {
  for (const std::string& directory :
       {kMultiarch, kMultiarch + "/nvidia/current", std::string("/usr/lib64"),
        std::string("/usr/lib64/nvidia"), std::string("/usr/local/nvidia/lib64"),
        std::string("/home/kubernetes/bin/nvidia/lib64"), std::string("/run/opengl-driver/lib"),
        std::string("/usr/lib/nvidia"), std::string("/usr/lib"), std::string("/lib64")}) {
    EXPECT_THAT(
        libraries(driver_in(directory)),
        ElementsAre(directory + "/libcuda.so.550.54.15", directory + "/libnvidia-ml.so.550.54.15"))
        << directory;
  }
}

TEST(ReadDriverFiles, FollowsTheLoaderCacheToAnyDirectory) {
  FakeHost host = driver_in("/opt/driver/lib");
  host.add_loader_cache({"/opt/driver/lib/libcuda.so.1", "/opt/driver/lib/libnvidia-ml.so.1"});
  EXPECT_THAT(libraries(host), ElementsAre("/opt/driver/lib/libcuda.so.550.54.15",
                                           "/opt/driver/lib/libnvidia-ml.so.550.54.15"));
}

// The cache names links that lead over /etc/alternatives, by absolute texts, to nvidia/current.
TEST(ReadDriverFiles, FollowsTheAlternativesOfDebian) {
  FakeHost host = driver_in(kMultiarch + "/nvidia/current");
  for (const std::string name : {"libcuda.so.1", "libnvidia-ml.so.1"}) {
    host.add_link("/etc/alternatives/nvidia--" + name, kMultiarch + "/nvidia/current/" + name);
    host.add_link(kMultiarch + "/" + name, "/etc/alternatives/nvidia--" + name);
  }
  host.add_library(kMultiarch + "/nvidia/current/libnvidia-ptxjitcompiler.so.550.54.15",
                   "libnvidia-ptxjitcompiler.so.1");
  host.add_loader_cache({kMultiarch + "/libcuda.so.1", kMultiarch + "/libnvidia-ml.so.1"});
  host.add_program("/usr/lib/nvidia/current/nvidia-smi")
      .add_link("/etc/alternatives/nvidia--nvidia-smi", "/usr/lib/nvidia/current/nvidia-smi");
  host.add_link("/usr/bin/nvidia-smi", "/etc/alternatives/nvidia--nvidia-smi");
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(paths(inventory, DriverFileKind::kLibrary),
              ElementsAre(kMultiarch + "/nvidia/current/libcuda.so.550.54.15",
                          kMultiarch + "/nvidia/current/libnvidia-ml.so.550.54.15",
                          kMultiarch + "/nvidia/current/libnvidia-ptxjitcompiler.so.550.54.15"));
  EXPECT_THAT(paths(inventory, DriverFileKind::kProgram),
              ElementsAre("/usr/lib/nvidia/current/nvidia-smi"));
}

// Debian has eglcore and others one directory above libcuda.
TEST(ReadDriverFiles, FindsUnknownLibrariesBesideAKnownOneInAnotherDirectory) {
  FakeHost host = driver_in(kMultiarch + "/nvidia/current");
  host.add_library(kMultiarch + "/libnvidia-eglcore.so.550.54.15", "libnvidia-eglcore.so.0");
  host.add_library(kMultiarch + "/libnvidia-brandnew.so.550.54.15", "libnvidia-brandnew.so.1");
  host.add_library("/usr/lib64/libnvidia-alone.so.550.54.15", "libnvidia-alone.so.1");
  EXPECT_THAT(paths(value_of(probe(host)), DriverFileKind::kLibrary),
              ElementsAre(kMultiarch + "/nvidia/current/libcuda.so.550.54.15",
                          kMultiarch + "/nvidia/current/libnvidia-ml.so.550.54.15",
                          kMultiarch + "/libnvidia-brandnew.so.550.54.15",
                          kMultiarch + "/libnvidia-eglcore.so.550.54.15"));
}

TEST(ReadDriverFiles, TakesEachLibraryOnceThroughAMergedUsr) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_link("/lib64", "usr/lib64").add_link("/lib", "usr/lib").add_directory("/usr/lib");
  host.add_loader_cache({"/lib64/libcuda.so.1", "/usr/lib64/libcuda.so.1"});
  EXPECT_THAT(libraries(host), ElementsAre("/usr/lib64/libcuda.so.550.54.15",
                                           "/usr/lib64/libnvidia-ml.so.550.54.15"));
}

TEST(ReadDriverFiles, TakesTheProgramBehindAShellWrapper) {
  FakeHost host = driver_in("/usr/local/nvidia/lib64");
  host.add_program("/usr/local/nvidia/bin/nvidia-smi");
  host.tree().write("/usr/bin/nvidia-smi",
                    "#!/bin/sh\nexec /usr/local/nvidia/bin/nvidia-smi \"$@\"\n", 0755);
  EXPECT_THAT(paths(value_of(probe(host)), DriverFileKind::kProgram),
              ElementsAre("/usr/local/nvidia/bin/nvidia-smi"));
}

TEST(ReadDriverFiles, TakesNoShellWrapperAlone) {
  FakeHost host = driver_in("/usr/lib64");
  host.tree().write("/usr/bin/nvidia-smi",
                    "#!/bin/sh\nexec nvidia-smi.real \"$@\"\n# padding to ELF header size\n", 0755);
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(paths(inventory, DriverFileKind::kProgram), IsEmpty());
  EXPECT_THAT(absence_of(inventory, "/usr/bin/nvidia-smi"), StartsWith("not usable ELF"));
  EXPECT_EQ(absence_of(inventory, "nvidia-smi"), "no such program in the driver root");
}

TEST(ReadDriverFiles, FollowsTheLinkFarmOfNixOs) {
  const std::string store = "/nix/store/abc-nvidia-x11-550.54.15-6.6.30/lib/";
  FakeHost host = FakeHost::with_driver(kVersion);
  for (const std::string name : {"libcuda", "libnvidia-ml", "libnvidia-ptxjitcompiler"}) {
    host.add_library(concat(store, name, ".so.550.54.15"), name + ".so.1");
    host.add_link(concat("/nix/store/def-graphics-drivers/lib/", name, ".so.550.54.15"),
                  concat(store, name, ".so.550.54.15"));
    host.add_link(concat("/nix/store/def-graphics-drivers/lib/", name, ".so.1"),
                  concat(store, name, ".so.1"));
  }
  host.add_link("/run/opengl-driver", "/nix/store/def-graphics-drivers");
  EXPECT_THAT(libraries(host),
              ElementsAre(store + "libcuda.so.550.54.15", store + "libnvidia-ml.so.550.54.15",
                          store + "libnvidia-ptxjitcompiler.so.550.54.15"));
}

TEST(ReadDriverFiles, DoesWithoutALoaderCache) {
  const Inventory inventory = value_of(probe(driver_in("/usr/lib64")));
  EXPECT_EQ(absence_of(inventory, "/etc/ld.so.cache"), "not absent");
}

TEST(ReadDriverFiles, DoesWithABrokenLoaderCacheAndSaysSo) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_file("/etc/ld.so.cache", "nonsense");
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(paths(inventory, DriverFileKind::kLibrary), Not(IsEmpty()));
  EXPECT_EQ(absence_of(inventory, "/etc/ld.so.cache"), "not a usable ld.so.cache: unknown format");
}

TEST(ReadDriverFiles, DoesWithALoaderCacheThatIsNoFile) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_fifo("/etc/ld.so.cache");
  EXPECT_THAT(libraries(host), Not(IsEmpty()));
}

TEST(ReadDriverFiles, SurvivesACacheOfHostileNames) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_loader_cache({"/nowhere/libcuda.so.1", "relative/libcuda.so.1",
                         "/../../libnvidia-ml.so.1", "libcuda.so", "/proc/self/root/libcuda.so.1",
                         "/x/../libnvidia-x.so"});
  EXPECT_THAT(libraries(host), ElementsAre("/usr/lib64/libcuda.so.550.54.15",
                                           "/usr/lib64/libnvidia-ml.so.550.54.15"));
}

TEST(ReadDriverFiles, UsesNoDirectoryThatEverybodyCanWrite) {
  FakeHost host =
      driver_in("/usr/lib64").add_library("/opt/a/lib/libcuda.so.550.54.15", "libcuda.so.1");
  host.add_loader_cache({"/opt/a/lib/libcuda.so.1"});
  std::filesystem::permissions(host.tree().host_path("/opt/a"), std::filesystem::perms::all);
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(
      paths(inventory, DriverFileKind::kLibrary),
      ElementsAre("/usr/lib64/libcuda.so.550.54.15", "/usr/lib64/libnvidia-ml.so.550.54.15"));
  EXPECT_EQ(absence_of(inventory, "/opt/a/lib"),
            "not used: \"/opt/a\" can be changed by others than root");
}

TEST(ReadDriverFiles, UsesNoDirectoryOfAnotherUser) {
  FakeHost host =
      driver_in("/usr/lib64").add_library("/opt/a/libcuda.so.550.54.15", "libcuda.so.1");
  host.add_loader_cache({"/opt/a/libcuda.so.1"});
  if (chown(host.tree().host_path("/opt").c_str(), 1234, 1234) != 0)
    GTEST_SKIP() << "chown needs CAP_CHOWN and uid 1234";
  EXPECT_EQ(absence_of(value_of(probe(host)), "/opt/a"),
            "not used: \"/opt\" can be changed by others than root");
}

TEST(ReadDriverFiles, NamesModuleAndLibraryVersionsThatDiffer) {
  FakeHost host = driver_in("/usr/lib64", "535.261.03");
  host.add_library("/usr/lib64/libcuda.so.545.29.06", "libcuda.so.1x");
  EXPECT_EQ(error_of(probe(host)),
            "kernel module 550.54.15 is loaded but the installed libraries are of version "
            "535.261.03, 545.29.06; "
            "reboot or reload the module, or install libraries 550.54.15");
  EXPECT_EQ(error_kind(probe(host)), "no-driver");
}

TEST(ReadDriverFiles, SaysWhereItLookedForLibraries) {
  FakeHost host = FakeHost::with_driver(kVersion);
  host.add_directory("/usr/lib64")
      .add_directory("/usr/lib")
      .add_library("/usr/lib64/libcuda.so.1", ElfImage{});
  EXPECT_EQ(error_of(probe(host)),
            "kernel module 550.54.15 is loaded but no libcuda or libnvidia-ml is installed in "
            "/usr/lib64, /usr/lib; "
            "install the driver's libraries 550.54.15, or name their place with --driver-root");
}

TEST(ReadDriverFiles, ChoosesAmongTwoInstalledVersions) {
  FakeHost host = driver_in("/usr/lib64", "535.261.03");
  host.add_library("/usr/local/nvidia/lib64/libcuda.so.550.54.15", "libcuda.so.1");
  host.add_loader_cache({"/usr/lib64/libcuda.so.1"});
  EXPECT_THAT(libraries(host), ElementsAre("/usr/local/nvidia/lib64/libcuda.so.550.54.15"));
}

TEST(ReadDriverFiles, ChoosesTheModulesVersionWithinOneDirectory) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib64/libcuda.so.560.35.05", "libcuda.so.1x");
  EXPECT_THAT(libraries(host), ElementsAre("/usr/lib64/libcuda.so.550.54.15",
                                           "/usr/lib64/libnvidia-ml.so.550.54.15"));
}

#if defined(__x86_64__)
const ElfImage kSmallCuda{.is_64_bit = false, .machine = EM_386, .soname = "libcuda.so.1"};

TEST(ReadDriverFiles, Knows32BitLibrariesByTheirHeaderWhereverTheyLie) {
  FakeHost host = FakeHost::with_driver(kVersion);
  host.add_library(kMultiarch + "/libcuda.so.550.54.15", kSmallCuda);
  host.add_library("/usr/lib64/libcuda.so.550.54.15", "libcuda.so.1");
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(
      inventory.files,
      ElementsAre(DriverFile{.path = HostPath::literal(kMultiarch + "/libcuda.so.550.54.15"),
                             .soname = "libcuda.so.1",
                             .compat32 = true,
                             .capabilities = {kCompute, kVideo}},
                  DriverFile{.path = HostPath::literal("/usr/lib64/libcuda.so.550.54.15"),
                             .soname = "libcuda.so.1",
                             .capabilities = {kCompute, kVideo}}));
}

TEST(ReadDriverFiles, TakesNo32BitLibraryForThe64BitOneThatTheCacheNamesLater) {
  FakeHost host = FakeHost::with_driver(kVersion);
  host.add_library("/usr/lib/i386-linux-gnu/libcuda.so.550.54.15", kSmallCuda);
  host.add_link("/usr/lib/i386-linux-gnu/libcuda.so.1", "libcuda.so.550.54.15");
  host.add_library("/usr/lib64/libcuda.so.550.54.15", "libcuda.so.1");
  host.add_loader_cache({"/usr/lib/i386-linux-gnu/libcuda.so.1", "/usr/lib64/libcuda.so.1"});
  EXPECT_THAT(libraries(host), ElementsAre("/usr/lib/i386-linux-gnu/libcuda.so.550.54.15",
                                           "/usr/lib64/libcuda.so.550.54.15"));
}

TEST(ReadDriverFiles, Finds32BitLibrariesInEveryLayout) {
  for (const std::string directory :
       {"/usr/lib/i386-linux-gnu", "/usr/lib/i386-linux-gnu/nvidia/current", "/usr/lib32",
        "/usr/lib", "/usr/local/nvidia/lib32", "/run/opengl-driver-32/lib"}) {
    FakeHost host = driver_in("/usr/lib64");
    host.add_library(directory + "/libcuda.so.550.54.15", kSmallCuda);
    EXPECT_THAT(libraries(host), Contains(directory + "/libcuda.so.550.54.15")) << directory;
  }
}

TEST(ReadDriverFiles, RefusesADriverOf32BitLibrariesOnly) {
  FakeHost host = FakeHost::with_driver(kVersion);
  host.add_library("/usr/lib/libcuda.so.550.54.15", kSmallCuda);
  EXPECT_EQ(error_kind(probe(host)), "no-driver");
}
#endif

TEST(ReadDriverFiles, TakesLibrariesThatHaveVersionsOfTheirOwn) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib64/libnvidia-egl-wayland.so.1.1.13", "libnvidia-egl-wayland.so.1");
  host.add_library("/usr/lib64/libnvidia-api.so.1", ElfImage{.soname = "libnvidia-api.so.1"});
  EXPECT_THAT(libraries(host),
              ElementsAre("/usr/lib64/libcuda.so.550.54.15", "/usr/lib64/libnvidia-api.so.1",
                          "/usr/lib64/libnvidia-egl-wayland.so.1.1.13",
                          "/usr/lib64/libnvidia-ml.so.550.54.15"));
}

// An older libnvidia-nvvm has a version of its own; one with another driver's version is not ours.
TEST(ReadDriverFiles, TakesNoLibraryOfAnotherDriverForOneWithAVersionOfItsOwn) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib64/libnvidia-nvvm.so.4.0.0", "libnvidia-nvvm.so.4");
  host.add_library("/usr/lib64/libnvidia-nvvm.so.560.35.05", "");
  host.add_library("/usr/lib64/libnvidia-egl-gbm.so.560.35.05", "");
  EXPECT_THAT(libraries(host),
              ElementsAre("/usr/lib64/libcuda.so.550.54.15", "/usr/lib64/libnvidia-ml.so.550.54.15",
                          "/usr/lib64/libnvidia-nvvm.so.4.0.0"));
}

TEST(ReadDriverFiles, NamesWhatItLeavesOutAndWhy) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib64/libnvidia-gtk3.so.550.54.15", "");
  host.add_program("/usr/bin/nvidia-modprobe");
  const Inventory inventory = value_of(probe(host));
  EXPECT_EQ(absence_of(inventory, "/usr/lib64/libnvidia-gtk3.so.550.54.15"),
            "left out: part of nvidia-settings, which draws on the host's display");
  EXPECT_THAT(absence_of(inventory, "/usr/bin/nvidia-modprobe"), StartsWith("left out: "));
}

struct DataRow {
  std::string found;
  std::string target;
  CapabilitySet capabilities;
};

TEST(ReadDriverFiles, FindsDataOfEveryLayoutForItsPlaceInContainers) {
  const CapabilitySet drawing{kGraphics, kDisplay};
  const DataRow rows[] = {
      {"/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
       "/usr/share/glvnd/egl_vendor.d/10_nvidia.json", drawing},
      {"/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json", "/etc/vulkan/icd.d/nvidia_icd.json",
       drawing},
      {"/home/kubernetes/bin/nvidia/vulkan/icd.d/nvidia_icd.json",
       "/etc/vulkan/icd.d/nvidia_icd.json", drawing},
      {"/run/opengl-driver/share/glvnd/egl_vendor.d/10_nvidia.json",
       "/usr/share/glvnd/egl_vendor.d/10_nvidia.json", drawing},
      {"/vulkan/icd.d/nvidia_icd.json", "/etc/vulkan/icd.d/nvidia_icd.json", drawing},
      {"/etc/OpenCL/vendors/nvidia.icd", "/etc/OpenCL/vendors/nvidia.icd", {kCompute, kVideo}},
      {"/usr/lib64/nvoptix.bin", "/usr/share/nvidia/nvoptix.bin", drawing},
      {"/etc/nvidia/lib64/nvidia-drm-outputclass.conf",
       "/usr/share/X11/xorg.conf.d/nvidia-drm-outputclass.conf", drawing},
      {"/usr/share/nvidia/nvidia-application-profiles-550.54.15-rc",
       "/usr/share/nvidia/nvidia-application-profiles-550.54.15-rc", drawing},
  };
  for (const DataRow& row : rows) {
    FakeHost host = driver_in("/usr/lib64");
    host.add_file(row.found, "{}");
    const Inventory inventory = value_of(probe(host));
    EXPECT_EQ(inventory.files.back(), (DriverFile{.kind = DriverFileKind::kData,
                                                  .path = HostPath::literal(row.found),
                                                  .soname = row.target,
                                                  .capabilities = row.capabilities}))
        << row.found;
  }
}

TEST(ReadDriverFiles, TakesNoDataThatOthersThanRootCanChange) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_file("/usr/local/share/vulkan/icd.d/nvidia_icd.json", "{}");
  std::filesystem::permissions(host.tree().host_path("/usr/local/share/vulkan/icd.d"),
                               std::filesystem::perms::all);
  EXPECT_THAT(paths(value_of(probe(host)), DriverFileKind::kData), IsEmpty());
}

// The layout of GKE is looked for on every machine, and on others somebody may be called
// kubernetes.
TEST(ReadDriverFiles, TakesNothingBehindNamesThatOthersThanRootCanMake) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_file("/etc/secret", "root's own");
  host.add_link("/home/kubernetes/bin/nvidia/vulkan/icd.d/nvidia_icd.json", "/etc/secret");
  host.add_program("/home/kubernetes/bin/nvidia/bin/nvidia-imex");
  host.add_program("/usr/lib/tool");
  host.add_link("/home/kubernetes/bin/nvidia/bin/nvidia-imex-ctl", "/usr/lib/tool");
  std::filesystem::permissions(host.tree().host_path("/home/kubernetes"),
                               std::filesystem::perms::all);
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(paths(inventory, DriverFileKind::kData), IsEmpty());
  EXPECT_THAT(paths(inventory, DriverFileKind::kProgram), IsEmpty());
  EXPECT_THAT(absence_of(inventory, "/home/kubernetes/bin/nvidia/bin/nvidia-imex"),
              StartsWith("not used: "));
}

TEST(ReadDriverFiles, TakesNoProgramThatOthersThanRootCanChange) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_program("/usr/bin/nvidia-smi");
  std::filesystem::permissions(host.tree().host_path("/usr/bin/nvidia-smi"),
                               std::filesystem::perms::all);
  EXPECT_THAT(paths(value_of(probe(host)), DriverFileKind::kProgram), IsEmpty());
}

TEST(ReadDriverFiles, FindsModulesOfTheXServer) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_program("/usr/lib64/xorg/modules/drivers/nvidia_drv.so");
  host.add_program("/usr/lib64/nvidia/xorg/libglxserver_nvidia.so.550.54.15");
  std::vector<std::string> found;
  for (const DriverFile& file : value_of(probe(host)).files) {
    if (file.kind == DriverFileKind::kXorgModule)
      found.push_back(concat(file.path.text(), " ", file.soname));
  }
  EXPECT_THAT(found,
              ElementsAre("/usr/lib64/xorg/modules/drivers/nvidia_drv.so drivers/nvidia_drv.so",
                          "/usr/lib64/nvidia/xorg/libglxserver_nvidia.so.550.54.15 "
                          "extensions/libglxserver_nvidia.so.550.54.15"));
}

TEST(ReadDriverFiles, LeavesOutWhatTheConfigurationSays) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_file("/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin", "");
  host.add_socket("/run/nvidia-persistenced/socket");
  Inventory inventory;
  inventory.driver = value_of(DriverVersion::parse(kVersion));
  testing::require(
      read_driver_files(host.open(), inventory, {Omission::kGspFirmware, Omission::kPersistenced}));
  EXPECT_THAT(paths(inventory, DriverFileKind::kFirmware), IsEmpty());
  EXPECT_THAT(paths(inventory, DriverFileKind::kSocket), IsEmpty());
  EXPECT_EQ(absence_of(inventory, "GSP firmware"), "left out by the configuration");
}

TEST(ReadDriverFiles, RefusesLibrariesOfAnotherMachine) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib64/libnvidia-cfg.so.550.54.15", ElfImage{.machine = EM_PPC64});
  host.add_library("/usr/lib64/libnvidia-encode.so.550.54.15", ElfImage{.type = ET_REL});
  host.add_file("/usr/lib64/libnvidia-nvvm.so.550.54.15", "");
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(
      paths(inventory, DriverFileKind::kLibrary),
      ElementsAre("/usr/lib64/libcuda.so.550.54.15", "/usr/lib64/libnvidia-ml.so.550.54.15"));
  EXPECT_EQ(absence_of(inventory, "/usr/lib64/libnvidia-cfg.so.550.54.15"),
            "built for another machine");
  EXPECT_EQ(absence_of(inventory, "/usr/lib64/libnvidia-encode.so.550.54.15"),
            "not a library or program");
  EXPECT_EQ(absence_of(inventory, "/usr/lib64/libnvidia-nvvm.so.550.54.15"),
            "not usable ELF: too short");
}

TEST(ReadDriverFiles, OpensNothingThatIsNoRegularFile) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_fifo("/usr/lib64/libnvidia-cfg.so.550.54.15")
      .add_socket("/usr/lib64/libnvcuvid.so.550.54.15");
  host.add_directory("/usr/lib64/libnvoptix.so.550.54.15");
  host.add_link("/usr/lib64/libnvidia-tls.so.550.54.15", "libnvidia-tls.so.550.54.15");
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(
      paths(inventory, DriverFileKind::kLibrary),
      ElementsAre("/usr/lib64/libcuda.so.550.54.15", "/usr/lib64/libnvidia-ml.so.550.54.15"));
  for (const char* const name : {"libnvidia-cfg", "libnvcuvid", "libnvoptix"}) {
    EXPECT_THAT(absence_of(inventory, concat("/usr/lib64/", name, ".so.550.54.15")),
                StartsWith("not a regular file"))
        << name;
  }
}

TEST(ReadDriverFiles, RefusesALinkToAFileOfAnotherName) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_file("/etc/shadow", "secret")
      .add_link("/usr/lib64/libnvidia-cfg.so.550.54.15", "/etc/shadow");
  EXPECT_EQ(absence_of(value_of(probe(host)), "/usr/lib64/libnvidia-cfg.so.550.54.15"),
            "leads to a file of another name");
}

TEST(ReadDriverFiles, ReportsWhatHalfADriverLacks) {
  FakeHost host = FakeHost::with_driver(kVersion);
  host.add_library("/usr/lib64/libnvidia-ml.so.550.54.15", "libnvidia-ml.so.1");
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(paths(inventory, DriverFileKind::kLibrary),
              ElementsAre("/usr/lib64/libnvidia-ml.so.550.54.15"));
  EXPECT_EQ(absence_of(inventory, "libcuda"), "no libcuda.so.550.54.15 in /usr/lib64");
  EXPECT_EQ(absence_of(inventory, "libnvidia-ml"), "not absent");
  EXPECT_EQ(absence_of(inventory, "nvidia-smi"), "no such program in the driver root");
  EXPECT_THAT(absence_of(inventory, "GSP firmware"), StartsWith("none in /usr/firmware, "));
  EXPECT_EQ(absence_of(inventory, "/run/nvidia-persistenced/socket"),
            "no such socket in the driver root");
}

TEST(ReadDriverFiles, CollectsADriverSpreadOverTwoDirectories) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib/libnvidia-cfg.so.550.54.15", "libnvidia-cfg.so.1");
  EXPECT_THAT(libraries(host), Contains("/usr/lib/libnvidia-cfg.so.550.54.15"));
}

TEST(ReadDriverFiles, LooksIntoTheVdpauDirectory) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_library("/usr/lib64/vdpau/libvdpau_nvidia.so.550.54.15", "libvdpau_nvidia.so.1");
  EXPECT_THAT(libraries(host), Contains("/usr/lib64/vdpau/libvdpau_nvidia.so.550.54.15"));
}

TEST(ReadDriverFiles, FindsFirmwareOfThisVersion) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_file("/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin", "x")
      .add_file("/lib/firmware/nvidia/550.54.15/gsp_tu10x.bin", "x");
  host.add_file("/lib/firmware/nvidia/550.54.15/readme", "x")
      .add_file("/lib/firmware/nvidia/535.1/gsp_ga10x.bin", "x");
  EXPECT_THAT(paths(value_of(probe(host)), DriverFileKind::kFirmware),
              ElementsAre("/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin",
                          "/lib/firmware/nvidia/550.54.15/gsp_tu10x.bin"));
}

TEST(ReadDriverFiles, PrefersFirmwareBesideTheLibraries) {
  FakeHost host = driver_in("/usr/local/nvidia/lib64");
  host.add_file("/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin", "x");
  host.add_file("/usr/local/nvidia/firmware/nvidia/550.54.15/gsp_ga10x.bin", "x");
  EXPECT_THAT(paths(value_of(probe(host)), DriverFileKind::kFirmware),
              ElementsAre("/usr/local/nvidia/firmware/nvidia/550.54.15/gsp_ga10x.bin"));
}

TEST(ReadDriverFiles, FindsSocketsOfRunningDaemons) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_socket("/run/nvidia-persistenced/socket")
      .add_file("/run/nvidia-fabricmanager/socket", "");
  const Inventory inventory = value_of(probe(host));
  EXPECT_EQ(inventory.files.back(),
            (DriverFile{.kind = DriverFileKind::kSocket,
                        .path = HostPath::literal("/run/nvidia-persistenced/socket"),
                        .soname = "nvidia-persistenced",
                        .capabilities = {kUtility}}));
  EXPECT_EQ(absence_of(inventory, "/run/nvidia-fabricmanager/socket"),
            "no such socket in the driver root");
}

TEST(ReadDriverFiles, GivesTheSameAnswerTwice) {
  FakeHost host = driver_in("/usr/lib64");
  for (const char* const name : {"libnvcuvid", "libEGL_nvidia", "libnvidia-zzz", "libnvidia-aaa"})
    host.add_library(concat("/usr/lib64/", name, ".so.550.54.15"), "");
  EXPECT_EQ(value_of(probe(host)), value_of(probe(host)));
}

// Programs may be ET_EXEC, libraries may not.
TEST(ReadDriverFiles, TellsProgramsFromLibraries) {
  FakeHost host = driver_in("/usr/lib64");
  host.add_file("/usr/bin/nvidia-smi", testing::bytes_of(ElfImage{.type = ET_EXEC}));
  host.add_library("/usr/lib64/libnvidia-cfg.so.550.54.15", ElfImage{.type = ET_EXEC});
  const Inventory inventory = value_of(probe(host));
  EXPECT_THAT(paths(inventory, DriverFileKind::kProgram), ElementsAre("/usr/bin/nvidia-smi"));
  EXPECT_EQ(absence_of(inventory, "/usr/lib64/libnvidia-cfg.so.550.54.15"),
            "not a library or program");
}

TEST(ReadDriverFiles, FindsNothingUsableWhereOnly32BitLibrariesAre) {
  FakeHost host = FakeHost::with_driver(kVersion);
  host.add_library("/usr/lib/libcuda.so.550.54.15",
                   ElfImage{.is_64_bit = false, .machine = EM_386});
  EXPECT_EQ(error_of(probe(host)),
            "no library of driver 550.54.15 in /usr/lib is a 64-bit library of this machine");
  EXPECT_EQ(error_kind(probe(host)), "no-driver");
}

}  // namespace
}  // namespace gpuhook::host
