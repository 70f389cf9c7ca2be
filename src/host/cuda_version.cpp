// SPDX-License-Identifier: Apache-2.0
// Which CUDA version a driver branch serves. Source: NVIDIA's CUDA Toolkit release notes, table of
// toolkit drivers. It replaces a call into the driver, which would open the GPUs.
#include "host/cuda_version.h"

#include <array>

namespace gpuhook::host {
namespace {

struct Branch {
  std::uint32_t driver;
  std::string_view cuda;
};

constexpr std::array kBranches{
    Branch{418, "10.1"}, Branch{440, "10.2"}, Branch{450, "11.0"}, Branch{455, "11.1"},
    Branch{460, "11.2"}, Branch{465, "11.3"}, Branch{470, "11.4"}, Branch{495, "11.5"},
    Branch{510, "11.6"}, Branch{515, "11.7"}, Branch{520, "11.8"}, Branch{525, "12.0"},
    Branch{530, "12.1"}, Branch{535, "12.2"}, Branch{545, "12.3"}, Branch{550, "12.4"},
    Branch{555, "12.5"}, Branch{560, "12.6"}, Branch{565, "12.7"}, Branch{570, "12.8"},
    Branch{575, "12.9"}, Branch{580, "13.0"}, Branch{590, "13.1"},
};

}  // namespace

std::string_view cuda_version_of(const DriverVersion& driver) {
  std::string_view cuda;
  for (const Branch& branch : kBranches) {
    if (branch.driver <= driver.major()) cuda = branch.cuda;
  }
  return cuda;
}

}  // namespace gpuhook::host
