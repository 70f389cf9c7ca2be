// SPDX-License-Identifier: Apache-2.0
// The driver's management library, opened and asked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gpuhook::nvml {

struct MigDevice {
  std::uint32_t gpu_instance = 0;
  std::uint32_t compute_instance = 0;
  std::string uuid;
};

struct GpuAnswer {
  std::string pci;
  std::string brand;  // empty: unknown
  int architecture_major = -1;
  int architecture_minor = 0;
  std::vector<MigDevice> mig;
};

struct Answers {
  std::string problem;  // why there is nothing else; empty when all went well
  std::string driver;
  int cuda = 0;  // 1000 * major + 10 * minor; 0: unknown
  std::vector<GpuAnswer> gpus;
};

// Loads the library and asks it everything. What the library says is passed on as it is, within
// limits of length and number: whether to believe it, the other side decides.
Answers ask_library(const char* path);

}  // namespace gpuhook::nvml
