// SPDX-License-Identifier: Apache-2.0
#include "host/catalog.h"

#include <gtest/gtest.h>

#include <set>

namespace gpuhook::host {
namespace {

using enum Capability;

TEST(Catalog, KnowsTheCapabilitiesOfLibraries) {
  struct {
    std::string_view name;
    CapabilitySet capabilities;
  } const rows[] = {
      {"libnvidia-ml", {kUtility}},
      {"libcuda", {kCompute, kVideo}},
      {"libnvidia-ptxjitcompiler", {kCompute, kVideo}},
      {"libnvidia-encode", {kVideo}},
      {"libvdpau_nvidia", {kVideo}},
      {"libGLX_nvidia", {kGraphics, kDisplay}},
      {"libnvidia-gpucomp", {kCompute, kVideo, kGraphics, kDisplay}},
      {"libnvidia-ngx", {kNgx}},
      {"libnvidia-unheard-of", {}},
      {"libcuda.so", {}},
      {"", {}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(capabilities_of_library(row.name), row.capabilities) << row.name;
}

TEST(Catalog, HasEveryLibraryAndProgramOnce) {
  std::set<std::string_view> names;
  for (const CatalogEntry& entry : known_libraries()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.capabilities.empty()) << entry.name;
  }
  for (const CatalogEntry& entry : known_programs())
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
}

// The lists that images are written for: what each capability has always brought.
TEST(Catalog, CoversTheLibrariesOfTheContract) {
  for (const std::string_view name : {"libnvidia-ml", "libnvidia-cfg", "libnvidia-nscq"}) {
    EXPECT_TRUE(capabilities_of_library(name).contains(kUtility)) << name;
  }
  for (const std::string_view name :
       {"libcuda", "libcudadebugger", "libnvidia-opencl", "libnvidia-gpucomp",
        "libnvidia-ptxjitcompiler", "libnvidia-fatbinaryloader", "libnvidia-allocator",
        "libnvidia-compiler", "libnvidia-pkcs11", "libnvidia-pkcs11-openssl3", "libnvidia-nvvm",
        "libnvidia-tileiras"}) {
    EXPECT_TRUE(capabilities_of_library(name).contains(kCompute)) << name;
    EXPECT_TRUE(capabilities_of_library(name).contains(kVideo)) << name;
  }
  for (const std::string_view name :
       {"libvdpau_nvidia", "libnvidia-encode", "libnvidia-opticalflow", "libnvcuvid"})
    EXPECT_TRUE(capabilities_of_library(name).contains(kVideo)) << name;
  for (const std::string_view name :
       {"libnvidia-eglcore", "libnvidia-glcore", "libnvidia-tls", "libnvidia-glsi", "libnvidia-fbc",
        "libnvidia-ifr", "libnvidia-rtcore", "libnvoptix", "libGLX_nvidia", "libEGL_nvidia",
        "libGLESv2_nvidia", "libGLESv1_CM_nvidia", "libnvidia-glvkspirv", "libnvidia-cbl"}) {
    EXPECT_TRUE(capabilities_of_library(name).contains(kGraphics)) << name;
    EXPECT_TRUE(capabilities_of_library(name).contains(kDisplay)) << name;
  }
}

TEST(Catalog, LooksInAbsoluteDirectoriesOnly) {
  for (const std::string_view directory : library_directories())
    EXPECT_TRUE(HostPath::parse(directory)) << directory;
  for (const std::string_view directory : program_directories())
    EXPECT_TRUE(HostPath::parse(directory)) << directory;
}

}  // namespace
}  // namespace gpuhook::host
