// SPDX-License-Identifier: Apache-2.0
#include "formats/proc_nvidia.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using testing::captured;
using testing::error_kind;
using testing::error_of;
using testing::value_of;

constexpr std::string_view kHost = "hosts/h100-x2-driver-580/proc/driver/nvidia/";

constexpr std::string_view kInformation =
    "Model: \t\t NVIDIA A100\nGPU UUID: \t GPU-00000000-0000-0000-0000-00000000000A\n"
    "Bus Location: \t 0000:0a:00.0\nDevice Minor: \t 3\n";

TEST(ParseModuleVersion, ReadsTheVersionLineOfEveryModule) {
  struct {
    std::string_view name, text, expected;
  } const rows[] = {
      {"proprietary module",
       "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n"
       "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n",
       "550.54.15"},
      {"open module",
       "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.104.05  Release Build  "
       "(dvs-builder@U16-T08-35-2)  Sat Aug 19 00:59:57 UTC 2023\n",
       "535.104.05"},
      {"arm", "NVRM version: NVIDIA UNIX aarch64 Kernel Module  418.39  Fri Feb 8 2019", "418.39"},
      {"other lines first", "GCC version:  gcc version 4.8.5\nNVRM version: X 470.82.01 Y\n",
       "470.82.01"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(value_of(parse_module_version(row.text)).text(), row.expected) << row.name;
}

TEST(ParseModuleVersion, ReadsACapturedFile) {
  EXPECT_EQ(value_of(parse_module_version(captured(concat(kHost, "version")))).text(),
            "580.159.04");
}

TEST(ParseModuleVersion, RefusesTextWithoutAVersionLine) {
  for (const std::string_view text :
       {"", "NVRM version: none\n", "GCC version:  gcc version 12.2.0\n", "NVRM version:580\n"}) {
    EXPECT_EQ(error_of(parse_module_version(text)), "no driver version in " + in_quotes(text));
  }
}

TEST(ParseGpuInformation, ReadsCapturedFiles) {
  EXPECT_EQ(
      value_of(parse_gpu_information(captured(concat(kHost, "gpus/0000:00:06.0/information")))),
      (GpuInformation{.model = "NVIDIA H100 80GB HBM3",
                      .uuid = "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
                      .pci = PciAddress{.bus = 0, .device = 6},
                      .minor = 0,
                      .excluded = false}));
  EXPECT_EQ(
      value_of(parse_gpu_information(captured(concat(kHost, "gpus/0000:00:07.0/information")))),
      (GpuInformation{.model = "NVIDIA H100 80GB HBM3",
                      .uuid = "GPU-5f5f5f5f-6a6a-7b7b-8c8c-9d9d9d9d9d9d",
                      .pci = PciAddress{.bus = 0, .device = 7},
                      .minor = 1,
                      .excluded = false}));
}

TEST(ParseGpuInformation, SpellsUuidsInLowerCaseAfterThePrefix) {
  EXPECT_EQ(value_of(parse_gpu_information(kInformation)).uuid,
            "GPU-00000000-0000-0000-0000-00000000000a");
}

TEST(ParseGpuInformation, HasNoUuidBeforeTheFirstUseOfTheGpu) {
  const std::string four(4, '?');
  const std::string text =
      concat("GPU UUID: \t GPU-", four, four, "-", four, "-", four, "-", four, "-", four, four,
             four, "\nBus Location: \t 0000:0a:00.0\nDevice Minor: \t 3\n");
  EXPECT_EQ(value_of(parse_gpu_information(text)).uuid, "");
}

TEST(ParseGpuInformation, KnowsTheOldAndTheNewWordForAnExcludedGpu) {
  struct {
    std::string_view line;
    bool excluded;
  } const rows[] = {
      {"GPU Excluded:\t Yes\n", true},
      {"GPU Excluded:\t No\n", false},
      {"Blacklisted:\t Yes\n", true},
      {"Blacklisted:\t No\n", false},
      {"", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(value_of(parse_gpu_information(concat(kInformation, row.line))).excluded,
              row.excluded)
        << row.line;
  }
}

TEST(ParseGpuInformation, NeedsMinorAndBusLocation) {
  EXPECT_EQ(error_of(parse_gpu_information("Device Minor: 0\n")),
            "GPU information without \"Bus Location\"");
  EXPECT_EQ(error_of(parse_gpu_information("Bus Location: 0000:0a:00.0\n")),
            "GPU information without \"Device Minor\"");
  EXPECT_EQ(error_of(parse_gpu_information("Bus Location: 0000:0a:00.0\nDevice Minor: ?\n")),
            "GPU information without \"Device Minor\"");
  EXPECT_EQ(error_of(parse_gpu_information("Bus Location: unknown\nDevice Minor: 0\n")),
            "not a PCI address: \"unknown\"");
  EXPECT_EQ(error_kind(parse_gpu_information("")), "bad-input");
}

TEST(ParseGpuInformation, NeverReadsMoreOfACutOffTextThanOfTheWhole) {
  const std::string text = captured(concat(kHost, "gpus/0000:00:06.0/information"));
  const GpuInformation whole = value_of(parse_gpu_information(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    const Result<GpuInformation> part = parse_gpu_information(text.substr(0, size));
    if (part) {
      EXPECT_EQ(part->pci, whole.pci) << size;
    }
    if (part) {
      EXPECT_EQ(part->minor, whole.minor) << size;
    }
  }
}

TEST(ParseCapabilityMinor, ReadsCapturedFiles) {
  EXPECT_EQ(parse_capability_minor(captured(concat(kHost, "capabilities/mig/config"))), 1U);
  EXPECT_EQ(parse_capability_minor(captured(concat(kHost, "capabilities/mig/monitor"))), 2U);
  EXPECT_EQ(parse_capability_minor(captured(concat(kHost, "capabilities/fabric-imex-mgmt"))),
            4323U);
}

TEST(ParseCapabilityMinor, FindsNothingInOtherText) {
  for (const std::string_view text : {"", "DeviceFileMode: 292\n", "DeviceFileMinor:\n",
                                      "DeviceFileMinor: -1\n", "DeviceFileMinor: 4294967296\n"}) {
    EXPECT_EQ(parse_capability_minor(text), std::nullopt) << text;
  }
}

TEST(WithoutDeviceFileModification, TurnsTheOneParameterOff) {
  const std::string before = captured(concat(kHost, "params"));
  std::string expected = before;
  const std::string parameter = "ModifyDeviceFiles: 1";
  expected.replace(expected.find(parameter), parameter.size(), "ModifyDeviceFiles: 0");
  EXPECT_EQ(without_device_file_modification(before), expected);
}

TEST(WithoutDeviceFileModification, LeavesTextWithoutTheParameterAlone) {
  EXPECT_EQ(without_device_file_modification("EnableMSI: 1\n"), "EnableMSI: 1\n");
  EXPECT_EQ(without_device_file_modification(""), "");
  EXPECT_EQ(without_device_file_modification("ModifyDeviceFilesX: 1\n"), "ModifyDeviceFilesX: 1\n");
}

TEST(WithoutDeviceFileModification, EndsEveryLine) {
  EXPECT_EQ(without_device_file_modification("ModifyDeviceFiles: 1"), "ModifyDeviceFiles: 0\n");
}

}  // namespace
}  // namespace gpuhook::formats
