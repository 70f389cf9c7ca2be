// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.h"
#include "plan/rules.h"
#include "support/printers.h"
#include "support/sample.h"

namespace gpuhook::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::library;
using testing::sample_inventory;
using ::testing::SizeIs;
using enum Capability;

const Container kFedora{.libraries = LibraryConvention::kLib64, .loader = Loader::kGlibc};

ContainerPath inside(const std::string& path) { return ContainerPath::literal(path); }
HostPath host_file(const std::string& path) { return HostPath::literal(path); }

std::vector<std::string> targets(const std::vector<PlannedOp>& ops) {
  std::vector<std::string> found;
  for (const PlannedOp& op : ops) {
    found.push_back(target_of(op.op)->text() + (op.necessity == Necessity::kOptional ? "?" : ""));
  }
  return found;
}

std::vector<std::string> links(const std::vector<PlannedOp>& ops) {
  std::vector<std::string> found;
  for (const PlannedOp& op : ops) {
    const auto& link = std::get<MakeLink>(op.op);
    found.push_back(link.target.text() + " -> " + link.points_to);
  }
  return found;
}

Inventory host_with(std::vector<DriverFile> files) {
  Inventory host = sample_inventory();
  host.files = std::move(files);
  return host;
}

TEST(FileOps, BindsEachKindToItsPlace) {
  EXPECT_EQ(
      file_ops({.capabilities = {kUtility}}, sample_inventory(), kFedora),
      (std::vector<PlannedOp>{
          {BindFile{host_file("/usr/lib64/libnvidia-ml.so.550.54.15"),
                    inside("/usr/lib64/libnvidia-ml.so.550.54.15")},
           Necessity::kRequired, "library of driver 550.54.15, for utility"},
          {BindFile{host_file("/usr/local/nvidia/bin/nvidia-smi"), inside("/usr/bin/nvidia-smi")},
           Necessity::kOptional, "program of driver 550.54.15, for utility"},
          {BindFile{host_file("/usr/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin"),
                    inside("/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin")},
           Necessity::kOptional,
           "firmware of driver 550.54.15, for compute,compat32,display,graphics,ngx,utility,video"},
          {BindSocket{host_file("/run/nvidia-persistenced/socket"),
                      inside("/run/nvidia-persistenced/socket")},
           Necessity::kOptional, "socket of driver 550.54.15, for utility"},
      }));
}

TEST(FileOps, FollowsTheConventionOfTheImage) {
  const Container debian{.libraries = LibraryConvention::kMultiarch, .loader = Loader::kGlibc};
  const auto ops = file_ops({.capabilities = {kCompute}}, sample_inventory(), debian);
  EXPECT_EQ(targets(ops).at(0), GPUHOOK_TEST_MULTIARCH "/libcuda.so.550.54.15");
}

TEST(FileOps, FlattensSubdirectoriesOfTheHost) {
  DriverFile vdpau = library("libvdpau_nvidia", "libvdpau_nvidia.so.1", {kVideo});
  vdpau.path = host_file("/usr/lib/x86_64-linux-gnu/vdpau/libvdpau_nvidia.so.550.54.15");
  EXPECT_THAT(targets(file_ops({.capabilities = {kVideo}}, host_with({vdpau}), kFedora)),
              ElementsAre("/usr/lib64/libvdpau_nvidia.so.550.54.15?"));
}

TEST(FileOps, ChoosesByCapability) {
  const auto chosen = [](CapabilitySet capabilities) {
    return targets(file_ops({.capabilities = capabilities}, sample_inventory(), kFedora));
  };
  const std::string firmware = "/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin?";
  EXPECT_THAT(chosen({kCompute}), ElementsAre("/usr/lib64/libcuda.so.550.54.15", firmware));
  EXPECT_THAT(chosen({kVideo}), ElementsAre("/usr/lib64/libcuda.so.550.54.15",
                                            "/usr/lib64/libnvidia-encode.so.550.54.15?", firmware));
  EXPECT_THAT(chosen({kNgx}), ElementsAre(firmware));
  EXPECT_THAT(chosen({}), IsEmpty());
}

TEST(FileOps, BringsUnknownLibrariesOnlyWhenAllCapabilitiesAreAsked) {
  const auto everything =
      file_ops({.capabilities = CapabilitySet::all()}, sample_inventory(), kFedora);
  EXPECT_THAT(everything, SizeIs(7));
  EXPECT_EQ(targets(everything).at(3), "/usr/lib64/libnvidia-unknown.so.550.54.15?");
  const CapabilitySet most{kCompute, kCompat32, kDisplay, kGraphics, kUtility, kVideo};
  EXPECT_THAT(file_ops({.capabilities = most}, sample_inventory(), kFedora), SizeIs(6));
}

TEST(LinkOps, MakesSonameAndDevelopmentLinks) {
  EXPECT_EQ(link_ops({.capabilities = {kCompute}}, sample_inventory(), kFedora),
            (std::vector<PlannedOp>{
                {MakeLink{inside("/usr/lib64/libcuda.so.1"), "libcuda.so.550.54.15",
                          host_file("/usr/lib64/libcuda.so.550.54.15")},
                 Necessity::kRequired, "name under which programs open libcuda.so.550.54.15"},
                {MakeLink{inside("/usr/lib64/libcuda.so"), "libcuda.so.1",
                          host_file("/usr/lib64/libcuda.so.550.54.15")},
                 Necessity::kRequired, "name under which programs open libcuda.so.550.54.15"},
            }));
}

TEST(LinkOps, MakesDevelopmentLinksWhereTheHostHasThemOrProgramsNeedThem) {
  struct {
    std::string_view name;
    DriverFile file;
    bool development_link;
    std::vector<std::string> expected;
  } const rows[] = {
      {"as on the host",
       library("libnvidia-ml", "libnvidia-ml.so.1", {kUtility}),
       true,
       {"/usr/lib64/libnvidia-ml.so.1 -> libnvidia-ml.so.550.54.15",
        "/usr/lib64/libnvidia-ml.so -> libnvidia-ml.so.1"}},
      {"not on the host",
       library("libnvidia-ml", "libnvidia-ml.so.1", {kUtility}),
       false,
       {"/usr/lib64/libnvidia-ml.so.1 -> libnvidia-ml.so.550.54.15"}},
      {"libcuda always",
       library("libcuda", "libcuda.so.1", {kUtility}),
       false,
       {"/usr/lib64/libcuda.so.1 -> libcuda.so.550.54.15",
        "/usr/lib64/libcuda.so -> libcuda.so.1"}},
      {"libnvidia-opticalflow always",
       library("libnvidia-opticalflow", "libnvidia-opticalflow.so.1", {kUtility}),
       false,
       {"/usr/lib64/libnvidia-opticalflow.so.1 -> libnvidia-opticalflow.so.550.54.15",
        "/usr/lib64/libnvidia-opticalflow.so -> libnvidia-opticalflow.so.1"}},
      {"SONAME is the file name",
       library("libnvidia-tls", "libnvidia-tls.so.550.54.15", {kUtility}),
       true,
       {"/usr/lib64/libnvidia-tls.so -> libnvidia-tls.so.550.54.15"}},
      {"SONAME is the development name",
       library("libx", "libx.so", {kUtility}),
       true,
       {"/usr/lib64/libx.so -> libx.so.550.54.15"}},
  };
  for (const auto& row : rows) {
    DriverFile file = row.file;
    file.development_link = row.development_link;
    EXPECT_EQ(links(link_ops({.capabilities = {kUtility}}, host_with({file}), kFedora)),
              row.expected)
        << row.name;
  }
}

TEST(LinkOps, GivesANameThatTwoLibrariesClaimToTheFirst) {
  const Inventory host = host_with(
      {library("liba", "libx.so.1", {kUtility}), library("libb", "libx.so.1", {kUtility})});
  EXPECT_THAT(links(link_ops({.capabilities = {kUtility}}, host, kFedora)),
              ElementsAre("/usr/lib64/libx.so.1 -> liba.so.550.54.15"));
}

TEST(LinkOps, AreForLibrariesThatWereAskedForOnly) {
  EXPECT_THAT(links(link_ops({.capabilities = {kNgx}}, sample_inventory(), kFedora)), IsEmpty());
}

TEST(LoaderOps, ListEveryNameOfEveryLibrary) {
  EXPECT_EQ(
      loader_ops({.capabilities = CapabilitySet::all()}, sample_inventory(), kFedora, {}),
      (std::vector<PlannedOp>{
          {UpdateLoaderCache{inside("/etc/ld.so.cache"),
                             {{"libcuda.so.1", inside("/usr/lib64/libcuda.so.1")},
                              {"libcuda.so", inside("/usr/lib64/libcuda.so")},
                              {"libnvidia-ml.so.1", inside("/usr/lib64/libnvidia-ml.so.1")},
                              {"libnvidia-encode.so.1", inside("/usr/lib64/libnvidia-encode.so.1")},
                              {"libnvidia-unknown.so.550.54.15",
                               inside("/usr/lib64/libnvidia-unknown.so.550.54.15")}}},
           Necessity::kOptional, "lets the image's loader find the libraries above"},
      }));
}

TEST(LoaderOps, AreNoneForImagesWithoutACache) {
  for (const Loader loader : {Loader::kMusl, Loader::kNone}) {
    EXPECT_THAT(loader_ops({.capabilities = CapabilitySet::all()}, sample_inventory(),
                           {.loader = loader}, {}),
                IsEmpty())
        << name_of(loader);
  }
}

TEST(LoaderOps, AreNoneWithoutLibraries) {
  EXPECT_THAT(loader_ops({.capabilities = {kNgx}}, sample_inventory(), kFedora, {}), IsEmpty());
}

TEST(LibraryStem, EndsBeforeTheSuffix) {
  EXPECT_EQ(library_stem("libcuda.so.550.54.15"), "libcuda");
  EXPECT_EQ(library_stem("libcuda.so"), "libcuda");
  EXPECT_EQ(library_stem("libnvidia-pkcs11-openssl3.so.1"), "libnvidia-pkcs11-openssl3");
  EXPECT_EQ(library_stem("nvidia-smi"), "nvidia-smi");
}

TEST(Places, AreWhereImagesLook) {
  EXPECT_EQ(library_directory({.libraries = LibraryConvention::kLib64}).text(), "/usr/lib64");
  EXPECT_EQ(library_directory({.libraries = LibraryConvention::kMultiarch}).text(),
            GPUHOOK_TEST_MULTIARCH);
  EXPECT_EQ(program_directory().text(), "/usr/bin");
  EXPECT_EQ(loader_cache().text(), "/etc/ld.so.cache");
  EXPECT_EQ(proc_directory().text(), "/proc/driver/nvidia");
  EXPECT_EQ(firmware_directory(sample_inventory().driver).text(), "/lib/firmware/nvidia/550.54.15");
}

}  // namespace
}  // namespace gpuhook::plan
