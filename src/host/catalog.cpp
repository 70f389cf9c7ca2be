// SPDX-License-Identifier: Apache-2.0
// The table of driver files. Sources: the file lists of drivers 418 to 580 and what each library is
// loaded by.
#include "host/catalog.h"

#include <algorithm>
#include <array>

namespace gpuhook::host {
namespace {

using enum Capability;

constexpr CapabilitySet kCuda{kCompute, kVideo};       // video decodes through CUDA
constexpr CapabilitySet kOpenGl{kGraphics, kDisplay};  // display draws through GL
constexpr CapabilitySet kEveryKernel{kCompute, kVideo, kGraphics,
                                     kDisplay};  // shader and kernel compilers alike

constexpr std::array kLibraries{
    CatalogEntry{"libnvidia-ml", {kUtility}},
    CatalogEntry{"libnvidia-cfg", {kUtility}},
    CatalogEntry{"libnvidia-nscq", {kUtility}},
    CatalogEntry{"libcuda", kCuda},
    CatalogEntry{"libcudadebugger", kCuda},
    CatalogEntry{"libnvidia-opencl", kCuda},
    CatalogEntry{"libnvidia-gpucomp", kEveryKernel},
    CatalogEntry{"libnvidia-ptxjitcompiler", kCuda},
    CatalogEntry{"libnvidia-fatbinaryloader", kCuda},
    CatalogEntry{"libnvidia-allocator", kEveryKernel},
    CatalogEntry{"libnvidia-compiler", kCuda},
    CatalogEntry{"libnvidia-pkcs11", kCuda},
    CatalogEntry{"libnvidia-pkcs11-openssl3", kCuda},
    CatalogEntry{"libnvidia-nvvm", kCuda},
    CatalogEntry{"libnvidia-tileiras", kCuda},
    CatalogEntry{"libvdpau_nvidia", {kVideo}},
    CatalogEntry{"libnvidia-encode", {kVideo}},
    CatalogEntry{"libnvidia-opticalflow", {kVideo}},
    CatalogEntry{"libnvcuvid", {kVideo}},
    CatalogEntry{"libnvidia-eglcore", kOpenGl},
    CatalogEntry{"libnvidia-glcore", kOpenGl},
    CatalogEntry{"libnvidia-tls", kOpenGl},
    CatalogEntry{"libnvidia-glsi", kOpenGl},
    CatalogEntry{"libnvidia-fbc", kOpenGl},
    CatalogEntry{"libnvidia-ifr", kOpenGl},
    CatalogEntry{"libnvidia-rtcore", kOpenGl},
    CatalogEntry{"libnvoptix", kOpenGl},
    CatalogEntry{"libGLX_nvidia", kOpenGl},
    CatalogEntry{"libEGL_nvidia", kOpenGl},
    CatalogEntry{"libGLESv2_nvidia", kOpenGl},
    CatalogEntry{"libGLESv1_CM_nvidia", kOpenGl},
    CatalogEntry{"libnvidia-glvkspirv", kOpenGl},
    CatalogEntry{"libnvidia-cbl", kOpenGl},
    CatalogEntry{"libnvidia-ngx", {kNgx}},
};

constexpr std::array kPrograms{
    CatalogEntry{"nvidia-smi", {kUtility}},
    CatalogEntry{"nvidia-debugdump", {kUtility}},
    CatalogEntry{"nvidia-persistenced", {kUtility}},
    CatalogEntry{"nv-fabricmanager", {kUtility}},
    CatalogEntry{"nvidia-cuda-mps-control", {kCompute}},
    CatalogEntry{"nvidia-cuda-mps-server", {kCompute}},
};

#if defined(__aarch64__)
#define GPUHOOK_TRIPLET "aarch64-linux-gnu"
#else
#define GPUHOOK_TRIPLET "x86_64-linux-gnu"
#endif

constexpr std::array<std::string_view, 11> kLibraryDirectories{
    "/usr/lib/" GPUHOOK_TRIPLET "/nvidia/current",  // Debian's alternatives
    "/usr/lib/" GPUHOOK_TRIPLET,                    // Ubuntu
    "/usr/lib64",                                   // Fedora, SUSE, the vendor's installer
    "/usr/lib64/nvidia",
    "/usr/local/nvidia/lib64",            // GKE, and roots mounted from an image
    "/home/kubernetes/bin/nvidia/lib64",  // GKE with Container-Optimized OS
    "/run/opengl-driver/lib",             // NixOS
    "/usr/lib/nvidia",
    "/usr/lib",  // Arch
    "/lib64",
    "/lib/" GPUHOOK_TRIPLET,
};

constexpr std::array<std::string_view, 10> kProgramDirectories{
    "/usr/local/nvidia/bin",
    "/home/kubernetes/bin/nvidia/bin",
    "/run/opengl-driver/bin",
    "/usr/lib/nvidia/current",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/bin",
    "/sbin",
};

}  // namespace

std::span<const CatalogEntry> known_libraries() { return kLibraries; }
std::span<const CatalogEntry> known_programs() { return kPrograms; }

CapabilitySet capabilities_of_library(std::string_view name) {
  const auto* const found =
      std::find_if(kLibraries.begin(), kLibraries.end(),
                   [name](const CatalogEntry& entry) { return entry.name == name; });
  return found == kLibraries.end() ? CapabilitySet() : found->capabilities;
}

std::span<const std::string_view> library_directories() { return kLibraryDirectories; }
std::span<const std::string_view> program_directories() { return kProgramDirectories; }

}  // namespace gpuhook::host
