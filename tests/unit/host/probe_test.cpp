// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>

#include "gpuhook/gpuhook.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_of;

TEST(ProbeHost, SaysWhatItWasDoingWhereNoDriverIs) {
  if (std::filesystem::exists("/proc/driver/nvidia/version"))
    GTEST_SKIP() << "this host has a driver";
  EXPECT_EQ(
      error_of(probe_host({})),
      "looking at the host's GPUs: the NVIDIA kernel module is not loaded (no "
      "\"/proc/driver/nvidia/version\"); install the driver or run `modprobe nvidia` on the host");
}

TEST(ProbeHost, NeedsTheDeviceRoot) {
  EXPECT_EQ(error_of(probe_host({.device_root = HostPath::literal("/nonexistent-device-root")})),
            "looking at the host's GPUs: opening the device root: openat2 "
            "\"/nonexistent-device-root\": ENOENT (No "
            "such file or directory)");
}

TEST(NameOf, SpellsKindsOfDriverFiles) {
  EXPECT_EQ(name_of(DriverFileKind::kLibrary), "library");
  EXPECT_EQ(name_of(DriverFileKind::kProgram), "program");
  EXPECT_EQ(name_of(DriverFileKind::kFirmware), "firmware");
  EXPECT_EQ(name_of(DriverFileKind::kSocket), "socket");
}

}  // namespace
}  // namespace gpuhook
