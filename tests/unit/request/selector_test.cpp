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
                                      "nvidia.com/gpu=0",
                                      "nvidia.com/gpu=../x",
                                      "a=b=c",
                                      "0,1"}) {
    EXPECT_EQ(error_of(parse_selector(text)),
              "not a device name: " + in_quotes(text) +
                  "; use all, an index, GPU-<uuid>, a PCI address, <gpu>:<mig> or MIG-<uuid>; "
                  "`gpu-hook info` lists them");
    EXPECT_EQ(error_kind(parse_selector(text)), "bad-input");
  }
}

TEST(ParseSelector, RefusesTextWithNul) {
  EXPECT_FALSE(parse_selector(std::string_view("0\0", 2)));
  EXPECT_FALSE(parse_selector(std::string_view("all\0", 4)));
}

TEST(TextOf, IsASpellingThatParsesToTheSame) {
  for (const std::string_view text :
       {"all", "7", "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
        "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e", "0000:0a:1f.0", "3:1"}) {
    EXPECT_EQ(text_of(value_of(parse_selector(text))), text);
  }
}

}  // namespace
}  // namespace gpuhook
