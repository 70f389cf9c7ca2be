// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/cdi.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_kind;
using testing::error_of;

// Something of everything.
CdiSpec full_spec() {
  const CdiEdits edits{
      .env = {"A=1", "B="},
      .device_nodes = {{.path = "/dev/a",
                        .host_path = "/dev/b",
                        .type = "c",
                        .major = 195,
                        .minor = 255,
                        .file_mode = 0666,
                        .permissions = "rwm",
                        .uid = 0,
                        .gid = 44}},
      .net_devices = {{.host_interface_name = "eth0", .name = "eth1"},
                      {.host_interface_name = "eth1", .name = "eth0"}},
      .mounts = {{.host_path = "/a", .container_path = "/b", .type = "bind", .options = {"ro"}}},
      .hooks = {{.hook_name = "createContainer",
                 .path = "/bin/a",
                 .args = {"a", ""},
                 .env = {"C=1"},
                 .timeout = 1}},
      .additional_gids = {0, 44},
      .intel_rdt = CdiIntelRdt{.clos_id = "c",
                               .l3_cache_schema = "L3:0=f",
                               .mem_bw_schema = "MB:0=1",
                               .schemata = {"s"}}};
  return {.version = "1.1.0",
          .kind = "vendor.com/class",
          .annotations = {{"a/b", "c"}},
          .devices = {{.name = "d0", .edits = edits}, {.name = "d1", .edits = edits}},
          .edits = edits};
}

// The refusal of the specification after a change.
std::string refusal(void (*change)(CdiSpec& spec)) {
  CdiSpec spec = full_spec();
  change(spec);
  return error_of(check_cdi_spec(spec));
}

// The same for a change of the edits of the second device, without the place.
std::string edits_refusal(void (*change)(CdiEdits& edits)) {
  CdiSpec spec = full_spec();
  change(spec.devices[1].edits);
  const std::string error = error_of(check_cdi_spec(spec));
  constexpr std::string_view kPlace = "devices[1] \"d1\": ";
  return error.starts_with(kPlace) ? error.substr(kPlace.size()) : error;
}

TEST(CheckCdiSpec, TakesEverythingThatKeepsTheRules) {
  EXPECT_EQ(refusal([](CdiSpec&) {}), "no error");
}

TEST(CheckCdiSpec, NeedsVersionKindAndDevices) {
  EXPECT_EQ(refusal([](CdiSpec& s) { s.version.clear(); }), "no \"cdiVersion\"");
  EXPECT_EQ(refusal([](CdiSpec& s) { s.kind.clear(); }), "no \"kind\"");
  EXPECT_EQ(refusal([](CdiSpec& s) { s.devices.clear(); }), "no \"devices\"");
  EXPECT_EQ(refusal([](CdiSpec& s) { s.kind = "x"; }), "kind: \"x\" is no kind: no \"/\"");
  EXPECT_EQ(refusal([](CdiSpec& s) { s.edits = {}; }), "no error");
}

TEST(CheckCdiSpec, NeedsDistinctDeviceNames) {
  EXPECT_EQ(refusal([](CdiSpec& s) { s.devices[1].name.clear(); }), "devices[1]: no \"name\"");
  EXPECT_EQ(refusal([](CdiSpec& s) { s.devices[1].name = "d0"; }),
            "devices[1] \"d0\": a device of this name before");
  EXPECT_EQ(refusal([](CdiSpec& s) { s.devices[1].name = "D0"; }), "no error");
  EXPECT_EQ(
      refusal([](CdiSpec& s) { s.devices[1].name = "-"; }),
      "devices[1] \"-\": \"-\" is no name of a device; it begins and ends with a letter or digit "
      "and has letters, digits, \"-\", \"_\", \".\" and \":\" between");
}

TEST(CheckCdiSpec, NeedsEditsOfEveryDevice) {
  EXPECT_EQ(refusal([](CdiSpec& s) { s.devices[1].edits = {}; }),
            "devices[1] \"d1\": \"containerEdits\" is empty");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e = {.env = {"A=1"}}; }), "no error");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e = {.additional_gids = {0}}; }), "no error");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e = {.intel_rdt = CdiIntelRdt{}}; }), "no error");
}

TEST(CheckCdiSpec, ChecksAnnotationsOfBothLevels) {
  EXPECT_EQ(refusal([](CdiSpec& s) {
              s.annotations = {{"a b", ""}};
            }),
            "\"a b\" is no key of an annotation");
  EXPECT_EQ(refusal([](CdiSpec& s) {
              s.annotations = {{"a", "b\n"}};
            }),
            "annotations: \"a\" has a control character");
  EXPECT_EQ(refusal([](CdiSpec& s) {
              s.devices[1].annotations = {{"a b", ""}};
            }),
            "devices[1] \"d1\": \"a b\" is no key of an annotation");
}

TEST(CheckCdiSpec, ChecksTheEditsForAllDevices) {
  EXPECT_EQ(refusal([](CdiSpec& s) { s.edits.mounts[0].host_path.clear(); }),
            "containerEdits: mounts[0]: no \"hostPath\"");
}

TEST(CheckCdiSpec, NeedsNamesOfVariables) {
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.env[1] = "B"; }), "env[1] \"B\" is not NAME=value");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.env[1] = "=B"; }), "env[1] \"=B\" is not NAME=value");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.env[1].clear(); }), "env[1] \"\" is not NAME=value");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.env[1] = "B=="; }), "no error");
}

TEST(CheckCdiSpec, ChecksDeviceNodes) {
  struct {
    std::string_view error;
    void (*change)(CdiDeviceNode& node);
  } const rows[] = {
      {"no \"path\"", [](CdiDeviceNode& n) { n.path.clear(); }},
      {"\"path\" \"dev/a\" is not absolute", [](CdiDeviceNode& n) { n.path = "dev/a"; }},
      {"\"type\" \"x\" is not b, c, u or p", [](CdiDeviceNode& n) { n.type = "x"; }},
      {"\"type\" \"cc\" is not b, c, u or p", [](CdiDeviceNode& n) { n.type = "cc"; }},
      {"\"major\" -1 is no device number", [](CdiDeviceNode& n) { n.major = -1; }},
      {"\"minor\" -1 is no device number", [](CdiDeviceNode& n) { n.minor = -1; }},
      {"\"major\" 4294967296 is no device number", [](CdiDeviceNode& n) { n.major = 1LL << 32; }},
      {"\"minor\" 4294967296 is no device number", [](CdiDeviceNode& n) { n.minor = 1LL << 32; }},
      {"\"permissions\" \"rx\" is neither letters of \"rwm\" nor \"none\"",
       [](CdiDeviceNode& n) { n.permissions = "rx"; }},
      {"no error", [](CdiDeviceNode& n) { n.permissions = "none"; }},
      {"no error", [](CdiDeviceNode& n) { n.permissions.clear(); }},
      {"no error", [](CdiDeviceNode& n) { n.permissions = "wr"; }},
      {"no error", [](CdiDeviceNode& n) { n = {.path = "/dev/a"}; }},
      {"no error", [](CdiDeviceNode& n) { n.type = "b"; }},
      {"no error", [](CdiDeviceNode& n) { n.type = "u"; }},
      {"no error", [](CdiDeviceNode& n) { n.type = "p"; }},
      {"no error", [](CdiDeviceNode& n) { n.major = n.minor = 0; }},
      {"no error", [](CdiDeviceNode& n) { n.major = n.minor = (1LL << 32) - 1; }},
  };
  for (const auto& row : rows) {
    CdiSpec spec = full_spec();
    row.change(spec.edits.device_nodes[0]);
    EXPECT_EQ(error_of(check_cdi_spec(spec)),
              row.error == "no error" ? row.error
                                      : concat("containerEdits: deviceNodes[0]: ", row.error));
  }
}

TEST(CheckCdiSpec, ChecksMounts) {
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.mounts[0].host_path.clear(); }),
            "mounts[0]: no \"hostPath\"");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.mounts[0].container_path.clear(); }),
            "mounts[0]: no \"containerPath\"");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.mounts[0].host_path = "tmpfs"; }), "no error");
}

TEST(CheckCdiSpec, KnowsTheSixStagesOfHooks) {
  for (const std::string_view stage : {"prestart", "createRuntime", "createContainer",
                                       "startContainer", "poststart", "poststop"}) {
    CdiSpec spec = full_spec();
    spec.edits.hooks[0].hook_name = stage;
    EXPECT_EQ(error_of(check_cdi_spec(spec)), "no error") << stage;
  }
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.hooks[0].hook_name = "preStart"; }),
            "hooks[0]: \"hookName\" \"preStart\" is not a stage");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.hooks[0].hook_name.clear(); }),
            "hooks[0]: no \"hookName\"");
}

TEST(CheckCdiSpec, ChecksHooks) {
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.hooks[0].path.clear(); }), "hooks[0]: no \"path\"");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.hooks[0].path = "sh"; }),
            "hooks[0]: \"path\" \"sh\" is not absolute");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.hooks[0].env = {"A"}; }),
            "hooks[0]: env[0] \"A\" is not NAME=value");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.hooks[0].timeout = 0; }),
            "hooks[0]: \"timeout\" 0 is not greater than zero");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.hooks[0].timeout.reset(); }), "no error");
}

TEST(CheckCdiSpec, ChecksNetDevices) {
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.net_devices[0].name.clear(); }),
            "netDevices[0]: no \"name\"");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.net_devices[0].host_interface_name.clear(); }),
            "netDevices[0]: no \"hostInterfaceName\"");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.net_devices[1].name = "eth1"; }),
            "netDevices: \"eth1\" twice");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.net_devices[1].host_interface_name = "eth0"; }),
            "netDevices: \"eth0\" twice");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.net_devices[0].name = "abcdefghijklmno"; }),
            "no error");
  for (const std::string_view name : {"abcdefghijklmnop", ".", "..", "a/b", "a:b", "a b"}) {
    CdiSpec spec = full_spec();
    spec.edits.net_devices[0].name = name;
    EXPECT_EQ(error_of(check_cdi_spec(spec)),
              concat("containerEdits: netDevices[0]: \"name\" \"", name, "\" names no interface"));
  }
}

TEST(CheckCdiSpec, ChecksTheClassOfService) {
  for (const std::string& name :
       {std::string("."), std::string(".."), std::string("a/b"), std::string(4096, 'a')}) {
    CdiSpec spec = full_spec();
    spec.edits.intel_rdt->clos_id = name;
    EXPECT_EQ(error_of(check_cdi_spec(spec)), concat("containerEdits: intelRdt: \"closID\" ",
                                                     in_quotes(name), " is no name of a file"));
  }
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.intel_rdt->clos_id = std::string(4095, 'a'); }),
            "no error");
}

TEST(CheckCdiSpec, RefusesControlCharactersInEveryText) {
  struct {
    std::string_view place;
    std::string& (*text)(CdiSpec& spec);
  } const rows[] = {
      {"\"cdiVersion\"", [](CdiSpec& s) -> std::string& { return s.version; }},
      {"\"kind\"", [](CdiSpec& s) -> std::string& { return s.kind; }},
      {"annotations: \"a/b\"", [](CdiSpec& s) -> std::string& { return s.annotations["a/b"]; }},
      {"containerEdits: \"env[1]\"", [](CdiSpec& s) -> std::string& { return s.edits.env[1]; }},
      {"containerEdits: deviceNodes[0]: \"path\"",
       [](CdiSpec& s) -> std::string& { return s.edits.device_nodes[0].path; }},
      {"containerEdits: deviceNodes[0]: \"hostPath\"",
       [](CdiSpec& s) -> std::string& { return s.edits.device_nodes[0].host_path; }},
      {"containerEdits: netDevices[0]: \"name\"",
       [](CdiSpec& s) -> std::string& { return s.edits.net_devices[0].name; }},
      {"containerEdits: mounts[0]: \"hostPath\"",
       [](CdiSpec& s) -> std::string& { return s.edits.mounts[0].host_path; }},
      {"containerEdits: mounts[0]: \"containerPath\"",
       [](CdiSpec& s) -> std::string& { return s.edits.mounts[0].container_path; }},
      {"containerEdits: mounts[0]: \"type\"",
       [](CdiSpec& s) -> std::string& { return s.edits.mounts[0].type; }},
      {"containerEdits: mounts[0]: \"options[0]\"",
       [](CdiSpec& s) -> std::string& { return s.edits.mounts[0].options[0]; }},
      {"containerEdits: hooks[0]: \"hookName\"",
       [](CdiSpec& s) -> std::string& { return s.edits.hooks[0].hook_name; }},
      {"containerEdits: hooks[0]: \"path\"",
       [](CdiSpec& s) -> std::string& { return s.edits.hooks[0].path; }},
      {"containerEdits: hooks[0]: \"args[1]\"",
       [](CdiSpec& s) -> std::string& { return s.edits.hooks[0].args[1]; }},
      {"containerEdits: hooks[0]: \"env[0]\"",
       [](CdiSpec& s) -> std::string& { return s.edits.hooks[0].env[0]; }},
      {"containerEdits: intelRdt: \"closID\"",
       [](CdiSpec& s) -> std::string& { return s.edits.intel_rdt->clos_id; }},
      {"containerEdits: intelRdt: \"l3CacheSchema\"",
       [](CdiSpec& s) -> std::string& { return s.edits.intel_rdt->l3_cache_schema; }},
      {"containerEdits: intelRdt: \"memBwSchema\"",
       [](CdiSpec& s) -> std::string& { return s.edits.intel_rdt->mem_bw_schema; }},
      {"containerEdits: intelRdt: \"schemata[0]\"",
       [](CdiSpec& s) -> std::string& { return s.edits.intel_rdt->schemata[0]; }},
  };
  for (const auto& row : rows) {
    for (const char c : {'\0', '\n', '\x1f', '\x7f'}) {
      CdiSpec spec = full_spec();
      row.text(spec) += c;
      EXPECT_EQ(error_of(check_cdi_spec(spec)), concat(row.place, " has a control character"));
    }
    CdiSpec spec = full_spec();
    row.text(spec) += '\xff';
    EXPECT_EQ(error_of(check_cdi_spec(spec)), concat(row.place, " is not UTF-8"));
    EXPECT_EQ(error_kind(check_cdi_spec(spec)), "bad-input");
  }
}

TEST(CheckCdiSpec, TakesTextsBeyondAscii) {
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.env[0] = "A=\xc3\xa9\xf0\x9f\x98\x80"; }),
            "no error");
  EXPECT_EQ(edits_refusal([](CdiEdits& e) { e.mounts[0].host_path = "/a b"; }), "no error");
}

}  // namespace
}  // namespace gpuhook
