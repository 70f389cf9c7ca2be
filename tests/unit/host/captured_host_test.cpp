// SPDX-License-Identifier: Apache-2.0
// A real host with two H100 as the kernel and the file system describe it, its driver files rebuilt
// as tiny ones.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "fake_host.h"
#include "formats/ld_cache.h"
#include "host/cuda_version.h"
#include "host/driver_files.h"
#include "host/procfs_gpus.h"
#include "support/captured.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::host {
namespace {

using testing::bytes_of;
using testing::captured_table;
using testing::data_path;
using ::testing::ElementsAre;
using testing::ElfImage;
using testing::FakeHost;
using ::testing::IsEmpty;
using testing::require;
using testing::value_of;

const std::string kHost = "hosts/h100-x2-driver-580";

// The SONAME that leads to a file: the link beside it that is neither the file nor the development
// link.
std::string soname_of(const std::vector<std::vector<std::string>>& files, const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  for (const std::vector<std::string>& row : files) {
    if (row.at(1) == "l" && row.at(4) == name && !row[0].ends_with(".so"))
      return row[0].substr(row[0].rfind('/') + 1);
  }
  return name;
}

FakeHost captured_host() {
  FakeHost host = FakeHost::without_driver();
  host.tree().copy_from(data_path(kHost + "/proc"), "/proc");
  host.tree().copy_from(data_path(kHost + "/etc"), "/etc");
  // Path, type, mode, size, link text.
  const auto files = captured_table(kHost + "/driver-files.tsv");
  host.add_directory("/usr/lib").add_link("/lib", "usr/lib");
  for (const std::vector<std::string>& row : files) {
    const std::string& path = row.at(0);
    if (row.at(1) == "d") host.add_directory(path);
    if (row.at(1) == "l") host.add_link(path, row.at(4));
    if (row.at(1) != "f") continue;
    if (path.find(".so.") != std::string::npos)
      host.add_library(path, ElfImage{.soname = soname_of(files, path)});
    else if (path.starts_with("/usr/bin/"))
      host.tree().write(path, std::string(600, '#'), 0755);  // shell wrappers of about this size
    else if (path.find("/bin/") != std::string::npos)
      host.add_program(path);
    else
      host.add_file(path, "");
  }
  return host;
}

Inventory probed(const FakeHost& host) {
  Inventory inventory;
  inventory.driver = value_of(read_module_version(host.open()));
  inventory.cuda_version = cuda_version_of(inventory.driver);
  require(read_gpus(host.open(), inventory));
  require(read_driver_files(host.open(), inventory));
  read_proc_files(host.open(), inventory);
  return inventory;
}

TEST(CapturedHost, HasTheGpusThatNvidiaSmiLists) {
  const Inventory inventory = probed(captured_host());
  EXPECT_EQ(inventory.driver.text(), "580.159.04");
  EXPECT_EQ(inventory.cuda_version, "13.0");
  std::vector<std::string> listed;
  for (const Gpu& gpu : inventory.gpus)
    listed.push_back(concat("GPU ", gpu.index, ": ", gpu.model, " (UUID: ", gpu.uuid, ")"));
  const std::string text = testing::captured(kHost + "/nvidia-smi-L.txt");
  std::vector<std::string> expected;
  for (const std::string_view line : lines(text)) expected.emplace_back(line);
  EXPECT_EQ(listed, expected);
}

TEST(CapturedHost, HasTheNodesThatTheKernelNumbers) {
  const Inventory inventory = probed(captured_host());
  EXPECT_EQ(inventory.gpus.at(0).node, (DeviceNode{HostPath::literal("/dev/nvidia0"), {195, 0}}));
  EXPECT_EQ(inventory.gpus.at(1).node, (DeviceNode{HostPath::literal("/dev/nvidia1"), {195, 1}}));
}

TEST(CapturedHost, HasNoMigInstances) {
  for (const Gpu& gpu : probed(captured_host()).gpus) EXPECT_THAT(gpu.mig, IsEmpty());
}

TEST(CapturedHost, HasOneLibraryForEachVersionedFile) {
  std::vector<std::string> expected;
  for (const std::vector<std::string>& row : captured_table(kHost + "/driver-files.tsv")) {
    if (row[1] == "f" && row[0].ends_with(".so.580.159.04")) expected.push_back(row[0]);
  }
  ASSERT_EQ(expected.size(), 26U);
  std::vector<std::string> found;
  for (const DriverFile& file : probed(captured_host()).files) {
    if (file.kind == DriverFileKind::kLibrary) found.push_back(file.path.text());
  }
  EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected));
}

TEST(CapturedHost, HasProgramsBehindItsWrappersAndFirmwareBesideItsLibraries) {
  std::vector<std::string> found;
  for (const DriverFile& file : probed(captured_host()).files) {
    if (file.kind != DriverFileKind::kLibrary) found.push_back(file.path.text());
  }
  EXPECT_THAT(found, ElementsAre("/usr/local/nvidia/bin/nvidia-smi",
                                 "/usr/local/nvidia/bin/nvidia-debugdump",
                                 "/usr/local/nvidia/bin/nvidia-persistenced",
                                 "/usr/local/nvidia/bin/nvidia-cuda-mps-control",
                                 "/usr/local/nvidia/bin/nvidia-cuda-mps-server",
                                 "/usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json",
                                 "/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json",
                                 "/usr/local/nvidia/share/vulkan/implicit_layer.d/"
                                 "nvidia_layers.json",
                                 "/usr/local/nvidia/firmware/nvidia/580.159.04/gsp_ga10x.bin",
                                 "/usr/local/nvidia/firmware/nvidia/580.159.04/gsp_tu10x.bin"));
}

TEST(CapturedHost, HasSonamesAndDevelopmentLinks) {
  for (const DriverFile& file : probed(captured_host()).files) {
    if (file.path.name() == "libcuda.so.580.159.04") {
      EXPECT_EQ(file.soname, "libcuda.so.1");
      EXPECT_TRUE(file.development_link);
    }
    if (file.path.name() == "libnvidia-nvvm.so.580.159.04") {
      EXPECT_EQ(file.soname, "libnvidia-nvvm.so.4");
    }
    if (file.path.name() == "libnvidia-tls.so.580.159.04") {
      EXPECT_EQ(file.soname, "libnvidia-tls.so.580.159.04");
    }
  }
}

TEST(CapturedHost, ShowsItsProcFilesWithModificationOff) {
  const Inventory inventory = probed(captured_host());
  std::vector<std::string> paths;
  for (const ProcFile& file : inventory.proc) paths.push_back(file.path);
  EXPECT_THAT(paths, ElementsAre("params", "registry", "version", "gpus/0000:00:06.0/information",
                                 "gpus/0000:00:06.0/registry", "gpus/0000:00:07.0/information",
                                 "gpus/0000:00:07.0/registry"));
  EXPECT_NE(inventory.proc.at(0).content.find("\nModifyDeviceFiles: 0\n"), std::string::npos);
}

#if defined(__x86_64__)

// Fields of hosts/driver-debian-*/files.tsv.
enum Field : std::size_t {
  kPath,
  kType,
  kMode,
  kSize,
  kLinkText,
  kResolvesTo,
  kClass,
  kMachine,
  kElfType,
  kSoname
};

// A driver as Debian's packages install it, amd64 and i386, with the machine's ld.so.cache.
FakeHost debian_host(const std::string& version) {
  const std::string folder = concat("hosts/driver-debian-", version);
  FakeHost host = FakeHost::with_driver(version);
  host.add_directory("/usr/lib").add_link("/lib", "usr/lib");
  for (const std::vector<std::string>& row : captured_table(folder + "/files.tsv")) {
    if (row.at(kPath) == "/lib") continue;  // one of the lists has it
    if (row.at(kType) == "link") host.add_link(row.at(kPath), row.at(kLinkText));
    if (row.at(kType) != "file") continue;
    ElfImage image{.is_64_bit = row.at(kClass) == "64"};
    image.machine = row.at(kMachine) == "x86-64" ? EM_X86_64
                    : row.at(kMachine) == "i386" ? EM_386
                                                 : EM_RISCV;
    image.type = row.at(kElfType) == "dyn" ? ET_DYN : row.at(kElfType) == "exec" ? ET_EXEC : ET_REL;
    if (!row.at(kSoname).empty()) image.soname = row.at(kSoname);
    host.add_file(row.at(kPath), row.at(kClass).empty() ? std::string() : bytes_of(image));
  }
  formats::LdCache cache;
  const std::string printed = testing::captured(folder + "/ldconfig-p.txt");
  for (const std::string_view line : lines(printed)) {
    const std::size_t arrow = line.find(" => ");
    if (arrow == std::string_view::npos) continue;
    cache.entries.push_back({.flags = line.find("x86-64") == std::string_view::npos
                                          ? formats::kLibc6I386
                                          : formats::kLibc6X8664,
                             .name = std::string(words(line).at(0)),
                             .path = std::string(line.substr(arrow + 4))});
  }
  const std::vector<std::byte> bytes = formats::encode_ld_cache(std::move(cache));
  return host.add_file("/etc/ld.so.cache",
                       std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

class DebianHost : public ::testing::TestWithParam<std::string> {};

// The libraries of the driver's packages in a directory, each with its SONAME: those of the
// driver's version, and those that come with it under versions of their own.
std::vector<std::string> packaged_libraries(const std::string& version,
                                            const std::string& directory) {
  std::vector<std::string> found;
  for (const auto& row : captured_table(concat("hosts/driver-debian-", version, "/files.tsv"))) {
    const std::string name = row.at(kPath).substr(row.at(kPath).rfind('/') + 1);
    const bool of_driver = name.ends_with(".so." + version) || name.starts_with("libnvidia-egl-") ||
                           name.starts_with("libnvidia-api");
    if (!row.at(kPath).starts_with(directory) || row.at(kType) != "file" || !of_driver) continue;
    found.push_back(concat(row.at(kPath), " ", row.at(kSoname).empty() ? name : row.at(kSoname)));
  }
  return found;
}

std::vector<std::string> found_libraries(const std::string& version, bool compat32) {
  std::vector<std::string> found;
  for (const DriverFile& file : probed(debian_host(version)).files) {
    if (file.kind == DriverFileKind::kLibrary && file.compat32 == compat32)
      found.push_back(concat(file.path.text(), " ", file.soname));
  }
  return found;
}

TEST_P(DebianHost, HasEvery64BitLibraryOfTheDriverWithItsSoname) {
  const auto expected = packaged_libraries(GetParam(), "/usr/lib/x86_64-linux-gnu/");
  EXPECT_GE(expected.size(), 20U);
  EXPECT_THAT(found_libraries(GetParam(), false), ::testing::UnorderedElementsAreArray(expected));
}

TEST_P(DebianHost, HasEvery32BitLibraryOfTheDriverWithItsSoname) {
  const auto expected = packaged_libraries(GetParam(), "/usr/lib/i386-linux-gnu/");
  EXPECT_GE(expected.size(), 12U);
  EXPECT_THAT(found_libraries(GetParam(), true), ::testing::UnorderedElementsAreArray(expected));
}

TEST_P(DebianHost, HasTheProgramsBehindTheAlternatives) {
  std::vector<std::string> found;
  for (const DriverFile& file : probed(debian_host(GetParam())).files) {
    if (file.kind == DriverFileKind::kProgram) found.push_back(file.path.text());
  }
  EXPECT_THAT(found, ::testing::Contains("/usr/lib/nvidia/current/nvidia-smi"));
  EXPECT_THAT(found, ::testing::Not(::testing::Contains("/usr/bin/nvidia-smi")));
}

TEST_P(DebianHost, HasTheFirmwareOfTheDriversVersion) {
  const std::string folder = concat("/usr/lib/firmware/nvidia/", GetParam());
  std::vector<std::string> found;
  for (const DriverFile& file : probed(debian_host(GetParam())).files) {
    if (file.kind == DriverFileKind::kFirmware) found.push_back(file.path.text());
  }
  EXPECT_THAT(found, ElementsAre(folder + "/gsp_ga10x.bin", folder + "/gsp_tu10x.bin"));
}

INSTANTIATE_TEST_SUITE_P(Versions, DebianHost, ::testing::Values("535.261.03", "550.163.01"),
                         [](const auto& row) { return "Driver" + row.param.substr(0, 3); });

#endif

}  // namespace
}  // namespace gpuhook::host
