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
    CatalogEntry{"libnvidia-vulkan-producer", kOpenGl},
    CatalogEntry{"libnvidia-ngx", {kNgx}},
};

constexpr std::array kIndependentLibraries{
    CatalogEntry{"libnvidia-egl-gbm", kOpenGl},
    CatalogEntry{"libnvidia-egl-wayland", kOpenGl},
    CatalogEntry{"libnvidia-egl-wayland2", kOpenGl},
    CatalogEntry{"libnvidia-egl-xcb", kOpenGl},
    CatalogEntry{"libnvidia-egl-xlib", kOpenGl},
    CatalogEntry{"libnvidia-api", kOpenGl},
    CatalogEntry{"libnvidia-nvvm70", kCuda},
    CatalogEntry{"libnvidia-nvvm", kCuda},  // of drivers 470
};

constexpr std::array kPrograms{
    CatalogEntry{"nvidia-smi", {kUtility}},
    CatalogEntry{"nvidia-debugdump", {kUtility}},
    CatalogEntry{"nvidia-persistenced", {kUtility}},
    CatalogEntry{"nv-fabricmanager", {kUtility}},
    CatalogEntry{"nvidia-imex", {kUtility}},
    CatalogEntry{"nvidia-imex-ctl", {kUtility}},
    CatalogEntry{"nvidia-cuda-mps-control", {kCompute}},
    CatalogEntry{"nvidia-cuda-mps-server", {kCompute}},
    CatalogEntry{"nvidia-xconfig", kOpenGl},
};

constexpr std::array kData {
  DataFile{"glvnd/egl_vendor.d/10_nvidia.json", "/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
           kOpenGl},
      DataFile{"egl/egl_external_platform.d/15_nvidia_gbm.json",
               "/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json", kOpenGl},
      DataFile{"egl/egl_external_platform.d/10_nvidia_wayland.json",
               "/usr/share/egl/egl_external_platform.d/10_nvidia_wayland.json", kOpenGl},
      DataFile{"egl/egl_external_platform.d/09_nvidia_wayland2.json",
               "/usr/share/egl/egl_external_platform.d/09_nvidia_wayland2.json", kOpenGl},
      DataFile{"egl/egl_external_platform.d/20_nvidia_xcb.json",
               "/usr/share/egl/egl_external_platform.d/20_nvidia_xcb.json", kOpenGl},
      DataFile{"egl/egl_external_platform.d/20_nvidia_xlib.json",
               "/usr/share/egl/egl_external_platform.d/20_nvidia_xlib.json", kOpenGl},
      DataFile{"nvidia/nvoptix.bin", "/usr/share/nvidia/nvoptix.bin", kOpenGl},
      DataFile{"nvidia/nvidia-application-profiles-%-rc",
               "/usr/share/nvidia/nvidia-application-profiles-%-rc", kOpenGl},
      DataFile{"X11/xorg.conf.d/10-nvidia.conf", "/usr/share/X11/xorg.conf.d/10-nvidia.conf",
               kOpenGl},
      DataFile{"X11/xorg.conf.d/nvidia-drm-outputclass.conf",
               "/usr/share/X11/xorg.conf.d/nvidia-drm-outputclass.conf", kOpenGl},
      DataFile{"OpenCL/vendors/nvidia.icd", "/etc/OpenCL/vendors/nvidia.icd", kCuda},
      DataFile{"vulkan/icd.d/nvidia_icd.json", "/etc/vulkan/icd.d/nvidia_icd.json", kOpenGl},
#if defined(__aarch64__)
      DataFile{"vulkan/icd.d/nvidia_icd.aarch64.json", "/etc/vulkan/icd.d/nvidia_icd.aarch64.json",
               kOpenGl},
#else
      DataFile{"vulkan/icd.d/nvidia_icd.x86_64.json", "/etc/vulkan/icd.d/nvidia_icd.x86_64.json",
               kOpenGl},
#endif
      DataFile{"vulkan/icd.d/nvidia_layers.json", "/etc/vulkan/icd.d/nvidia_layers.json", kOpenGl},
      DataFile{"vulkan/implicit_layer.d/nvidia_layers.json",
               "/etc/vulkan/implicit_layer.d/nvidia_layers.json", kOpenGl},
};

constexpr std::array<std::string_view, 7> kDataDirectories{
    "/etc",
    "/usr/local/nvidia/share",
    "/home/kubernetes/bin/nvidia",  // GKE has vulkan/ beside lib64/
    "/run/opengl-driver/share",
    "/usr/local/share",
    "/usr/share",
    "",  // the driver root itself, where it is a directory like GKE's
};

constexpr std::array kXorgModules{
    XorgModule{"nvidia_drv.so", "drivers"},
    XorgModule{"libglxserver_nvidia.so.%", "extensions"},
};

#if defined(__aarch64__)
#define GPUHOOK_TRIPLET "aarch64-linux-gnu"
#define GPUHOOK_TRIPLET32 "arm-linux-gnueabihf"
#else
#define GPUHOOK_TRIPLET "x86_64-linux-gnu"
#define GPUHOOK_TRIPLET32 "i386-linux-gnu"
#endif

constexpr std::array<std::string_view, 6> kXorgDirectories{
    "/usr/lib64/xorg/modules",
    "/usr/lib/xorg/modules",
    "/usr/lib/" GPUHOOK_TRIPLET "/nvidia/xorg",  // Ubuntu
    "/usr/lib64/nvidia/xorg",
    "/usr/local/nvidia/lib64/xorg/modules",
    "/run/opengl-driver/lib/xorg/modules",
};

constexpr std::string_view kSettings = "part of nvidia-settings, which draws on the host's display";
constexpr std::string_view kWine =
    "for Windows programs under Wine, which bring a prefix of their own";
constexpr std::string_view kHostAdministration = "for the administration of the host";

constexpr std::array kLeftOutLibraries{
    LeftOut{"libnvidia-gtk2", kSettings},
    LeftOut{"libnvidia-gtk3", kSettings},
    LeftOut{"libnvidia-wayland-client", kSettings},
    LeftOut{"libnvidia-sandboxutils", "describes the host to container tools"},
    LeftOut{"libnvidia-wfb", "for X servers older than 1.20"},
    LeftOut{"libglxserver_nvidia", "a module of the X server, not a library"},
    LeftOut{"libOpenCL", "finds OpenCL drivers, and images bring their own"},
};

constexpr std::array kLeftOutPrograms{
    LeftOut{"nvidia-settings", kSettings},
    LeftOut{"nv-control-dpy", kSettings},
    LeftOut{"nvidia-modprobe", "loads modules and makes device nodes, which containers may not"},
    LeftOut{"nvidia-bug-report.sh", kHostAdministration},
    LeftOut{"nvidia-installer", kHostAdministration},
    LeftOut{"nvidia-uninstall", kHostAdministration},
    LeftOut{"nvidia-powerd", kHostAdministration},
    LeftOut{"nvidia-sleep.sh", kHostAdministration},
    LeftOut{"nvidia-ngx-updater", "would replace files of the driver"},
    LeftOut{"nvidia-detect", kHostAdministration},
};

constexpr std::array kLeftOutData{
    LeftOut{"nvidia/nvidia-application-profiles-%-key-documentation", "documentation"},
    LeftOut{"nvidia/monitoring.conf", "configures a service of the host"},
    LeftOut{"nvidia/rim", "reference values for attesting the host"},
    LeftOut{"nvidia/wine/nvngx.dll", kWine},
    LeftOut{"nvidia/wine/_nvngx.dll", kWine},
};

constexpr std::array<std::string_view, 17> kLibraryDirectories{
    "/usr/lib/" GPUHOOK_TRIPLET "/nvidia/current",  // Debian's alternatives
    "/usr/lib/" GPUHOOK_TRIPLET,                    // Ubuntu
    "/usr/lib64",                                   // Fedora, SUSE, the vendor's installer
    "/usr/lib64/nvidia",
    "/usr/local/nvidia/lib64",            // GKE, and roots mounted from an image
    "/home/kubernetes/bin/nvidia/lib64",  // GKE with Container-Optimized OS
    "/run/opengl-driver/lib",             // NixOS
    "/usr/lib/nvidia",
    "/usr/lib",  // Arch; and Fedora's 32-bit libraries
    "/lib64",
    "/lib/" GPUHOOK_TRIPLET,
    // 32-bit libraries. Which kind a file is, its ELF header tells.
    "/usr/lib/" GPUHOOK_TRIPLET32 "/nvidia/current",
    "/usr/lib/" GPUHOOK_TRIPLET32,
    "/usr/lib32",
    "/usr/lib32/nvidia",
    "/usr/local/nvidia/lib32",
    "/run/opengl-driver-32/lib",
};

constexpr std::array<std::string_view, 9> kProgramDirectories{
    "/usr/local/nvidia/bin",
    "/home/kubernetes/bin/nvidia/bin",
    "/run/opengl-driver/bin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/bin",
    "/sbin",
};

}  // namespace

std::span<const CatalogEntry> known_libraries() { return kLibraries; }
std::span<const CatalogEntry> independent_libraries() { return kIndependentLibraries; }
std::span<const CatalogEntry> known_programs() { return kPrograms; }

CapabilitySet capabilities_of_library(std::string_view name) {
  const auto* const found =
      std::find_if(kLibraries.begin(), kLibraries.end(),
                   [name](const CatalogEntry& entry) { return entry.name == name; });
  return found == kLibraries.end() ? CapabilitySet() : found->capabilities;
}

std::span<const DataFile> known_data() { return kData; }
std::span<const std::string_view> data_directories() { return kDataDirectories; }
std::span<const XorgModule> known_xorg_modules() { return kXorgModules; }
std::span<const std::string_view> xorg_directories() { return kXorgDirectories; }

std::span<const LeftOut> left_out_libraries() { return kLeftOutLibraries; }
std::span<const LeftOut> left_out_programs() { return kLeftOutPrograms; }
std::span<const LeftOut> left_out_data() { return kLeftOutData; }

std::span<const std::string_view> library_directories() { return kLibraryDirectories; }
std::span<const std::string_view> program_directories() { return kProgramDirectories; }

}  // namespace gpuhook::host
