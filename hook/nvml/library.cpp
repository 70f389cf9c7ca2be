// SPDX-License-Identifier: Apache-2.0
// Every entry point is optional but the first few: old drivers lack some, and an answer less is no
// reason for none.
#include "library.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "nvml_api.h"

namespace gpuhook::nvml {
namespace {

constexpr unsigned kMaxGpus = 64;
constexpr unsigned kMaxMigDevices = 64;

// Names of nvmlBrandType_t, as nvidia-container-cli prints them.
constexpr std::array<std::string_view, 17> kBrands{
    "Unknown",   "Quadro",    "Tesla",  "NVS",        "GRID",    "GeForce",
    "TITAN",     "VApps",     "VPC",    "VCS",        "VWS",     "CloudGaming",
    "QuadroRTX", "NvidiaRTX", "Nvidia", "GeForceRTX", "TitanRTX"};

// A text that the library writes into a buffer and may forget to end.
template <std::size_t Size>
class Text {
 public:
  char* data() { return bytes_.data(); }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(Size); }
  [[nodiscard]] std::string text() const {
    const auto end = std::find(bytes_.begin(), bytes_.begin() + Size, '\0');
    return {bytes_.begin(), end};
  }

 private:
  std::array<char, Size> bytes_{};
};

class Library {
 public:
  explicit Library(const char* path) : handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {}
  // Never closed: the process ends with its answer.

  [[nodiscard]] bool is_open() const { return handle_ != nullptr; }

  // Calls an entry point; false when it does not exist or reports anything but success.
  template <class... Arguments>
  bool call(const char* name, Arguments... arguments) {
    using Function = Code (*)(Arguments...);
    const auto function = reinterpret_cast<Function>(dlsym(handle_, name));
    last_ = function == nullptr ? -1 : function(arguments...);
    return last_ == kSuccess;
  }

  // What the library calls its last refusal.
  std::string last_error() {
    using Function = const char* (*)(Code);
    const auto function = reinterpret_cast<Function>(dlsym(handle_, "nvmlErrorString"));
    const char* const text = function == nullptr ? nullptr : function(last_);
    return std::string(text == nullptr ? "error " + std::to_string(last_) : text).substr(0, 200);
  }

 private:
  void* handle_;
  Code last_ = 0;
};

std::vector<MigDevice> mig_devices_of(Library& library, Device gpu) {
  std::vector<MigDevice> found;
  unsigned mode = 0;
  unsigned pending = 0;
  unsigned count = 0;
  if (!library.call("nvmlDeviceGetMigMode", gpu, &mode, &pending) || mode != kMigEnabled)
    return found;
  if (!library.call("nvmlDeviceGetMaxMigDeviceCount", gpu, &count)) return found;
  for (unsigned i = 0; i < std::min(count, kMaxMigDevices); ++i) {
    Device device = nullptr;
    // A hole in the numbering says nothing about what follows.
    if (!library.call("nvmlDeviceGetMigDeviceHandleByIndex", gpu, i, &device)) continue;
    MigDevice mig;
    Text<kUuidBytes> uuid;
    const bool known =
        library.call("nvmlDeviceGetGpuInstanceId", device, &mig.gpu_instance) &&
        library.call("nvmlDeviceGetComputeInstanceId", device, &mig.compute_instance) &&
        library.call("nvmlDeviceGetUUID", device, uuid.data(), uuid.size());
    if (!known) continue;
    mig.uuid = uuid.text();
    found.push_back(std::move(mig));
  }
  return found;
}

GpuAnswer describe(Library& library, Device device, const PciInfo& pci) {
  GpuAnswer gpu;
  gpu.pci.assign(pci.bus_id, std::find(pci.bus_id, pci.bus_id + sizeof pci.bus_id, '\0'));
  unsigned brand = 0;
  // "Unknown" is what conditions of images call a brand that the library has no name for.
  if (library.call("nvmlDeviceGetBrand", device, &brand))
    gpu.brand = brand < kBrands.size() ? kBrands.at(brand) : kBrands.front();
  int major = 0;
  int minor = 0;
  if (library.call("nvmlDeviceGetCudaComputeCapability", device, &major, &minor)) {
    gpu.architecture_major = std::max(major, 0);
    gpu.architecture_minor = minor;
  }
  gpu.mig = mig_devices_of(library, device);
  return gpu;
}

void ask_gpus(Library& library, Answers& answers) {
  unsigned count = 0;
  if (!library.call("nvmlDeviceGetCount_v2", &count)) return;
  for (unsigned i = 0; i < std::min(count, kMaxGpus); ++i) {
    Device device = nullptr;
    PciInfo pci{};
    if (library.call("nvmlDeviceGetHandleByIndex_v2", i, &device) &&
        library.call("nvmlDeviceGetPciInfo_v3", device, &pci)) {
      answers.gpus.push_back(describe(library, device, pci));
    }
  }
}

}  // namespace

Answers ask_library(const char* path) {
  Answers answers;
  Library library(path);
  if (!library.is_open()) {
    const char* const why = dlerror();
    answers.problem = std::string("cannot be loaded: ") + (why == nullptr ? path : why);
    answers.problem.resize(std::min<std::size_t>(answers.problem.size(), 500));
    return answers;
  }
  Text<kVersionBytes> version;
  if (!library.call("nvmlInit_v2")) {
    answers.problem = "cannot be initialised: " + library.last_error();
  } else if (!library.call("nvmlSystemGetDriverVersion", version.data(), version.size())) {
    answers.problem = "does not know the driver's version: " + library.last_error();
  } else {
    answers.driver = version.text();
    if (!library.call("nvmlSystemGetCudaDriverVersion_v2", &answers.cuda)) answers.cuda = 0;
    ask_gpus(library, answers);
  }
  return answers;
}

}  // namespace gpuhook::nvml
