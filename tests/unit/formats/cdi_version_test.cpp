// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/cdi.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_of;
using testing::require;

// Content that 0.3.0 has.
CdiSpec plain_spec() {
  return {.version = "0.3.0",
          .kind = "vendor.com/class",
          .devices = {{.name = "d0",
                       .edits = {.env = {"A=1"},
                                 .device_nodes = {{.path = "/dev/a", .permissions = "rw"}},
                                 .mounts = {{.host_path = "/a", .container_path = "/b"}},
                                 .hooks = {{.hook_name = "prestart", .path = "/bin/a"}}}}}};
}

struct Row {
  std::string_view version;
  std::string_view what;
  void (*add)(CdiSpec& spec);
};

const Row kRows[] = {
    {"0.4.0", "\"type\" of a mount",
     [](CdiSpec& s) { s.devices[0].edits.mounts[0].type = "bind"; }},
    {"0.4.0", "\"type\" of a mount",
     [](CdiSpec& s) {
       s.edits.mounts = {{.host_path = "/a", .container_path = "/b", .type = "bind"}};
     }},
    {"0.5.0", "\"hostPath\" of a device node",
     [](CdiSpec& s) { s.devices[0].edits.device_nodes[0].host_path = "/dev/b"; }},
    {"0.5.0", "\"hostPath\" of a device node",
     [](CdiSpec& s) { s.edits.device_nodes = {{.path = "/dev/a", .host_path = "/dev/b"}}; }},
    {"0.5.0", "a device name that begins with a digit",
     [](CdiSpec& s) { s.devices[0].name = "0"; }},
    {"0.6.0", "\"annotations\"",
     [](CdiSpec& s) {
       s.annotations = {{"a", ""}};
     }},
    {"0.6.0", "\"annotations\"",
     [](CdiSpec& s) {
       s.devices[0].annotations = {{"a", ""}};
     }},
    {"0.6.0", "a class with a dot", [](CdiSpec& s) { s.kind = "vendor.com/a.b"; }},
    {"0.7.0", "\"additionalGids\"", [](CdiSpec& s) { s.edits.additional_gids = {0}; }},
    {"0.7.0", "\"additionalGids\"", [](CdiSpec& s) { s.devices[0].edits.additional_gids = {44}; }},
    {"0.7.0", "\"intelRdt\"", [](CdiSpec& s) { s.edits.intel_rdt.emplace(); }},
    {"0.7.0", "\"intelRdt\"",
     [](CdiSpec& s) { s.devices[0].edits.intel_rdt = {{.enable_cmt = true}}; }},
    {"1.1.0", "\"schemata\" and \"enableMonitoring\"",
     [](CdiSpec& s) { s.edits.intel_rdt = {{.schemata = {"L3:0=f"}}}; }},
    {"1.1.0", "\"schemata\" and \"enableMonitoring\"",
     [](CdiSpec& s) { s.edits.intel_rdt = {{.enable_monitoring = true}}; }},
    {"1.1.0", "\"netDevices\"",
     [](CdiSpec& s) { s.edits.net_devices = {{.host_interface_name = "a", .name = "b"}}; }},
    {"1.1.0", "\"netDevices\"",
     [](CdiSpec& s) {
       s.devices[0].edits.net_devices = {{.host_interface_name = "a", .name = "b"}};
     }},
};

constexpr std::string_view kVersions[] = {"0.3.0", "0.4.0", "0.5.0", "0.6.0",
                                          "0.7.0", "0.8.0", "1.0.0", "1.1.0"};

TEST(LowestCdiVersion, IsTheFirstVersionThatHasTheContent) {
  EXPECT_EQ(lowest_cdi_version(CdiSpec{}), "0.3.0");
  EXPECT_EQ(lowest_cdi_version(plain_spec()), "0.3.0");
  for (const Row& row : kRows) {
    CdiSpec spec = plain_spec();
    row.add(spec);
    EXPECT_EQ(lowest_cdi_version(spec), row.version) << row.what;
  }
}

TEST(LowestCdiVersion, GoesByTheNewestContent) {
  CdiSpec spec = plain_spec();
  for (const Row& row : kRows) {
    row.add(spec);
    EXPECT_EQ(lowest_cdi_version(spec), row.version) << row.what;
  }
}

TEST(LowestCdiVersion, LooksAtEveryDevice) {
  CdiSpec spec = plain_spec();
  spec.devices.push_back({.name = "1", .edits = {.env = {"A=1"}}});
  EXPECT_EQ(lowest_cdi_version(spec), "0.5.0");
  spec.devices.push_back({.name = "d2", .annotations = {{"a", "b"}}});
  EXPECT_EQ(lowest_cdi_version(spec), "0.6.0");
  spec.devices.push_back({.name = "d3", .edits = {.additional_gids = {1}}});
  EXPECT_EQ(lowest_cdi_version(spec), "0.7.0");
}

TEST(LowestCdiVersion, LooksForDotsInTheClassOnly) {
  CdiSpec spec = plain_spec();
  spec.kind = "a.b.c/class";
  EXPECT_EQ(lowest_cdi_version(spec), "0.3.0");
}

TEST(CheckCdiSpec, TakesAVersionThatHasTheContentAndNoLowerOne) {
  for (const Row& row : kRows) {
    CdiSpec spec = plain_spec();
    row.add(spec);
    for (const std::string_view version : kVersions) {
      spec.version = version;
      const bool dropped = spec.devices[0].edits.intel_rdt && version == "1.1.0";
      EXPECT_EQ(error_of(check_cdi_spec(spec)),
                version < row.version ? concat("\"cdiVersion\" ", version, " does not have ",
                                               row.what, ": ", row.version, " does")
                : dropped ? "\"cdiVersion\" 1.1.0 no longer has \"enableCMT\" and \"enableMBM\""
                          : "no error");
    }
  }
}

TEST(CheckCdiSpec, TakesNoOldMonitoringSinceItWasDropped) {
  for (const CdiIntelRdt& rdt :
       {CdiIntelRdt{.enable_cmt = true}, CdiIntelRdt{.enable_mbm = true}}) {
    CdiSpec spec = plain_spec();
    spec.edits.intel_rdt = rdt;
    spec.version = "1.0.0";
    require(check_cdi_spec(spec));
    spec.version = "1.1.0";
    EXPECT_FALSE(check_cdi_spec(spec));
  }
}

TEST(CheckCdiSpec, KnowsItsVersions) {
  CdiSpec spec = plain_spec();
  for (const std::string_view version : {"0.1.0", "0.2.0", "0.3", "0.3.1", "v0.3.0", "0.9.0",
                                         "1.1.1", "1.2.0", "2.0.0", "0.3.0 ", "latest"}) {
    spec.version = version;
    EXPECT_EQ(error_of(check_cdi_spec(spec)),
              concat("\"cdiVersion\" \"", version, "\" is unknown; known are 0.3.0 to 1.1.0"));
  }
}

}  // namespace
}  // namespace gpuhook
