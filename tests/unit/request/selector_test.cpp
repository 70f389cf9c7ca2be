// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/request.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_kind;
using testing::error_of;
using testing::value_of;

TEST(ParseSelector, TakesEveryFormOfTheGrammar) {
  struct {
    std::string_view text;
    DeviceSelector expected;
  } const rows[] = {
      {"all", AllDevices{}},
      {"ALL", AllDevices{}},
      {"0", GpuIndex{0}},
      {"007", GpuIndex{7}},
      {"4294967295", GpuIndex{4294967295}},
      {"GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
       GpuUuid{"GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"}},
      {"gpu-0A0A0A0A-1B1B-2C2C-3D3D-4E4E4E4E4E4E",
       GpuUuid{"GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"}},
      {"MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
       MigUuid{"MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"}},
      {"mig-0A0A0A0A-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
       MigUuid{"MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"}},
      {"0000:0a:00.0", PciAddress{.domain = 0, .bus = 0x0a}},
      {"00000000:0A:1F.0", PciAddress{.domain = 0, .bus = 0x0a, .device = 0x1f}},
      {"3:1", MigIndex{3, 1}},
      {"0:0", MigIndex{0, 0}},
      {"MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1/0",
       MigPath{"GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e", 1, 0}},
      {"mig-gpu-0A0A0A0A-1B1B-2C2C-3D3D-4E4E4E4E4E4E/13/2",
       MigPath{"GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e", 13, 2}},
      {"nvidia.com/gpu=0", GpuIndex{0}},
      {"runtime.nvidia.com/gpu=1", GpuIndex{1}},
      {"k8s.device-plugin.nvidia.com/gpu=2", GpuIndex{2}},
      {"nvidia.com/gpu=all", AllDevices{}},
      {"nvidia.com/gpu=GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
       GpuUuid{"GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"}},
      {"nvidia.com/gpu=MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
       MigUuid{"MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"}},
      {"nvidia.com/gpu=3:1", MigIndex{3, 1}},
      {"nvidia.com/gpu=0000:0a:00.0", PciAddress{.domain = 0, .bus = 0x0a}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(value_of(parse_selector(row.text)), row.expected) << row.text;
}

TEST(ParseSelector, RefusesEverythingElse) {
  for (const std::string_view text : {"",
                                      " ",
                                      " 0",
                                      "0 ",
                                      "-1",
                                      "+1",
                                      "1e9",
                                      "0x1",
                                      "4294967296",
                                      "99999999999999999999",
                                      "1.0",
                                      "../../sda",
                                      "/dev/mem",
                                      "/dev/nvidia0",
                                      "0\n1",
                                      "0;id",
                                      "$(id)",
                                      "%s",
                                      "\xd9\xa3",
                                      "none",
                                      "void",
                                      "any",
                                      "GPU-",
                                      "GPU-0a0a0a0a",
                                      "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4",
                                      "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e0",
                                      "GPU-0g0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
                                      "GPU-0a0a0a0a11b1b-2c2c-3d3d-4e4e4e4e4e4e",
                                      "GPU0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
                                      "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
                                      "MIG-",
                                      "MIG-1",
                                      "0:",
                                      ":0",
                                      ":",
                                      "0:0:0",
                                      "0:-1",
                                      "0: 1",
                                      "0a:00.0",
                                      "0000:0a:00",
                                      "0000:0a:00.8",
                                      "MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
                                      "MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1",
                                      "MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1/",
                                      "MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1/0/0",
                                      "MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/-1/0",
                                      "MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/../0",
                                      "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1/0",
                                      "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1/0",
                                      "nvidia.com/gpu=",
                                      "nvidia.com/gpu= 0",
                                      "nvidia.com/gpu=none",
                                      "nvidia.com/gpu=../x",
                                      "nvidia.com/gpu",
                                      "gpu=0",
                                      "a=b=c",
                                      "0,1"}) {
    EXPECT_EQ(error_of(parse_selector(text)),
              "not a device name: " + in_quotes(text) +
                  "; use all, an index, GPU-<uuid>, a PCI address, <gpu>:<mig> or MIG-<uuid>; "
                  "`gpu-hook info` lists them");
    EXPECT_EQ(error_kind(parse_selector(text)), "bad-input");
  }
}

TEST(ParseSelector, RefusesDevicesOfOtherCdiKinds) {
  for (const std::string_view text :
       {"amd.com/gpu=0", "nvidia.com/mig=0", "nvidia.com/imex-channel=0",
        "management.nvidia.com/gpu=all", "NVIDIA.com/gpu=0", "xnvidia.com/gpu=0",
        "nvidia.com/gpus=0", "nvidia.com/gpu/x=0", "nvidia.com/gpu=nvidia.com/gpu=0"}) {
    EXPECT_EQ(error_of(parse_selector(text)),
              "not a GPU of this host by its CDI name: " + in_quotes(text) +
                  "; use nvidia.com/gpu=<device>; devices of other kinds come from the engine's "
                  "own CDI support");
    EXPECT_EQ(error_kind(parse_selector(text)), "bad-input");
  }
}

TEST(ParseSelector, RefusesTextWithNul) {
  EXPECT_FALSE(parse_selector(std::string_view("0\0", 2)));
  EXPECT_FALSE(parse_selector(std::string_view("all\0", 4)));
  EXPECT_FALSE(parse_selector(std::string_view("nvidia.com/gpu=0\0", 17)));
}

TEST(TextOf, IsASpellingThatParsesToTheSame) {
  for (const std::string_view text : {"all", "7", "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
                                      "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e", "0000:0a:1f.0",
                                      "3:1", "MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1/0"}) {
    EXPECT_EQ(text_of(value_of(parse_selector(text))), text);
  }
}

TEST(ParseImexChannel, TakesNumbersOf20Bits) {
  EXPECT_EQ(value_of(parse_imex_channel("0")), 0U);
  EXPECT_EQ(value_of(parse_imex_channel("2047")), 2047U);
  EXPECT_EQ(value_of(parse_imex_channel("007")), 7U);
  EXPECT_EQ(value_of(parse_imex_channel("1048575")), 1048575U);
}

TEST(ParseImexChannel, RefusesEverythingElse) {
  for (const std::string_view text : {std::string_view(),
                                      std::string_view(" "),
                                      std::string_view(" 0"),
                                      std::string_view("0 "),
                                      std::string_view("-1"),
                                      std::string_view("+1"),
                                      std::string_view("1048576"),
                                      std::string_view("4294967296"),
                                      std::string_view("99999999999999999999"),
                                      std::string_view("0x1"),
                                      std::string_view("1e3"),
                                      std::string_view("1.0"),
                                      std::string_view("0,1"),
                                      std::string_view("0-3"),
                                      std::string_view("all"),
                                      std::string_view("none"),
                                      std::string_view("void"),
                                      std::string_view("channel0"),
                                      std::string_view("../0"),
                                      std::string_view("0/1"),
                                      std::string_view("0\n"),
                                      std::string_view("0\0", 2),
                                      std::string_view("\xd9\xa3")}) {
    EXPECT_EQ(error_of(parse_imex_channel(text)),
              "not an IMEX channel: " + in_quotes(text) + "; use a number from 0 to 1048575");
    EXPECT_EQ(error_kind(parse_imex_channel(text)), "bad-input");
  }
}

}  // namespace
}  // namespace gpuhook
