// SPDX-License-Identifier: Apache-2.0
#include "gpuhook/cdi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_kind;
using testing::error_of;
using ::testing::StartsWith;
using testing::value_of;

CdiSpec parsed_json(std::string_view text) {
  return value_of(parse_cdi_spec(text, CdiFormat::kJson));
}
CdiSpec parsed_yaml(std::string_view text) {
  return value_of(parse_cdi_spec(text, CdiFormat::kYaml));
}

// The refusal of a specification whose only device, "d", has these edits.
std::string refusal_of_edits(std::string_view edits) {
  return error_of(parse_cdi_spec(
      concat(R"({"cdiVersion":"1.0.0","kind":"v/c","devices":[{"name":"d","containerEdits":)",
             edits, "}]}"),
      CdiFormat::kJson));
}

constexpr std::string_view kFullJson = R"({
  "cdiVersion": "1.1.0",
  "kind": "vendor.com/class",
  "annotations": {
    "a": "b",
    "c/d": ""
  },
  "devices": [
    {
      "name": "0:0",
      "annotations": {
        "e": "f"
      },
      "containerEdits": {
        "env": [
          "A=1",
          "B="
        ],
        "deviceNodes": [
          {
            "path": "/dev/a",
            "hostPath": "/dev/b",
            "type": "c",
            "major": 195,
            "minor": 0,
            "fileMode": 438,
            "permissions": "rw",
            "uid": 0,
            "gid": 4294967295
          }
        ],
        "netDevices": [
          {
            "hostInterfaceName": "eth0",
            "name": "eth1"
          }
        ],
        "mounts": [
          {
            "hostPath": "/a",
            "containerPath": "/b",
            "type": "bind",
            "options": [
              "ro",
              ""
            ]
          }
        ],
        "hooks": [
          {
            "hookName": "createRuntime",
            "path": "/bin/a",
            "args": [
              "a",
              ""
            ],
            "env": [
              "C=1"
            ],
            "timeout": 5
          }
        ],
        "additionalGids": [
          0,
          44
        ],
        "intelRdt": {
          "closID": "x",
          "l3CacheSchema": "L3:0=f",
          "memBwSchema": "MB:0=1",
          "schemata": [
            "s"
          ],
          "enableMonitoring": true
        }
      }
    }
  ],
  "containerEdits": {
    "intelRdt": {}
  }
}
)";

constexpr std::string_view kFullYaml = R"(cdiVersion: 1.1.0
kind: vendor.com/class
annotations:
  a: b
  c/d: ""
devices:
- name: "0:0"
  annotations:
    e: f
  containerEdits:
    env:
    - A=1
    - B=
    deviceNodes:
    - path: /dev/a
      hostPath: /dev/b
      type: c
      major: 195
      minor: 0
      fileMode: 438
      permissions: rw
      uid: 0
      gid: 4294967295
    netDevices:
    - hostInterfaceName: eth0
      name: eth1
    mounts:
    - hostPath: /a
      containerPath: /b
      type: bind
      options:
      - ro
      - ""
    hooks:
    - hookName: createRuntime
      path: /bin/a
      args:
      - a
      - ""
      env:
      - C=1
      timeout: 5
    additionalGids:
    - 0
    - 44
    intelRdt:
      closID: x
      l3CacheSchema: L3:0=f
      memBwSchema: MB:0=1
      schemata:
      - s
      enableMonitoring: true
containerEdits:
  intelRdt: {}
)";

CdiSpec full_spec() {
  return {.version = "1.1.0",
          .kind = "vendor.com/class",
          .annotations = {{"a", "b"}, {"c/d", ""}},
          .devices = {{.name = "0:0",
                       .annotations = {{"e", "f"}},
                       .edits = {.env = {"A=1", "B="},
                                 .device_nodes = {{.path = "/dev/a",
                                                   .host_path = "/dev/b",
                                                   .type = "c",
                                                   .major = 195,
                                                   .minor = 0,
                                                   .file_mode = 0666,
                                                   .permissions = "rw",
                                                   .uid = 0,
                                                   .gid = UINT32_MAX}},
                                 .net_devices = {{.host_interface_name = "eth0", .name = "eth1"}},
                                 .mounts = {{.host_path = "/a",
                                             .container_path = "/b",
                                             .type = "bind",
                                             .options = {"ro", ""}}},
                                 .hooks = {{.hook_name = "createRuntime",
                                            .path = "/bin/a",
                                            .args = {"a", ""},
                                            .env = {"C=1"},
                                            .timeout = 5}},
                                 .additional_gids = {0, 44},
                                 .intel_rdt = CdiIntelRdt{.clos_id = "x",
                                                          .l3_cache_schema = "L3:0=f",
                                                          .mem_bw_schema = "MB:0=1",
                                                          .schemata = {"s"},
                                                          .enable_monitoring = true}}}},
          .edits = {.intel_rdt = CdiIntelRdt{}}};
}

TEST(ParseCdiSpec, ReadsEveryMember) {
  EXPECT_EQ(parsed_json(kFullJson), full_spec());
  EXPECT_EQ(parsed_yaml(kFullYaml), full_spec());
  EXPECT_EQ(parsed_yaml(kFullJson), full_spec());  // JSON is YAML
}

TEST(CdiSpecAsText, WritesEveryMemberInOrder) {
  EXPECT_EQ(cdi_spec_as_text(full_spec(), CdiFormat::kJson), kFullJson);
  EXPECT_EQ(cdi_spec_as_text(full_spec(), CdiFormat::kYaml), kFullYaml);
}

TEST(CdiSpecAsText, LeavesOutWhatIsEmpty) {
  const CdiSpec spec{
      .version = "0.7.0",
      .kind = "v/c",
      .devices = {{.name = "d",
                   .edits = {.device_nodes = {{.path = "/dev/a"}},
                             .intel_rdt = CdiIntelRdt{.enable_cmt = true, .enable_mbm = true}}}}};
  constexpr std::string_view kYaml =
      "cdiVersion: 0.7.0\nkind: v/c\ndevices:\n- name: d\n  containerEdits:\n    deviceNodes:\n"
      "    - path: /dev/a\n    intelRdt:\n      enableCMT: true\n      enableMBM: true\n";
  EXPECT_EQ(cdi_spec_as_text(spec, CdiFormat::kYaml), kYaml);
  EXPECT_EQ(parsed_yaml(kYaml), spec);
}

TEST(CdiSpecAsText, KeepsTextsThatLookLikeSomethingElse) {
  CdiSpec spec{.version = "0.6.0", .kind = "v/c"};
  for (const std::string_view name :
       {"0", "1e3", "0x1", "true", "null", "yes", "n", "0:0", "1.5", "1_0"})
    spec.devices.push_back({.name = std::string(name), .edits = {.env = {"A=1"}}});
  spec.annotations = {
      {"1", "2"}, {"true", "~"}, {"on", "\"'#: -\\ "}, {"x", "\xc3\xa9\xf0\x9f\x98\x80"}};
  for (const CdiFormat format : {CdiFormat::kJson, CdiFormat::kYaml})
    EXPECT_EQ(value_of(parse_cdi_spec(cdi_spec_as_text(spec, format), format)), spec);
}

TEST(CdiSpecAsText, GivesSomethingForWhatIsRefused) {
  EXPECT_EQ(cdi_spec_as_text({}, CdiFormat::kJson), "{}\n");
  EXPECT_EQ(cdi_spec_as_text({.kind = "\xff"}, CdiFormat::kJson),
            "{\n  \"kind\": \"\xef\xbf\xbd\"\n}\n");
  EXPECT_EQ(cdi_spec_as_text({.kind = "\xff"}, CdiFormat::kYaml), "");
}

// In the shape of what nvidia-ctk writes.
constexpr std::string_view kToolkitYaml = R"(---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidia-modeset
  - path: /dev/nvidia-uvm
  - path: /dev/nvidia-uvm-tools
  - path: /dev/nvidiactl
  env:
  - NVIDIA_CTK_LIBCUDA_DIR=/usr/lib/x86_64-linux-gnu
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - nvidia-cdi-hook
    - create-symlinks
    - --link
    - libcuda.so.1::/usr/lib/x86_64-linux-gnu/libcuda.so
    env:
    - NVIDIA_CTK_DEBUG=false
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  - args:
    - nvidia-cdi-hook
    - update-ldcache
    - --folder
    - /usr/lib/x86_64-linux-gnu
    env:
    - NVIDIA_CTK_DEBUG=false
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  mounts:
  - containerPath: /usr/bin/nvidia-smi
    hostPath: /usr/bin/nvidia-smi
    options:
    - ro
    - nosuid
    - nodev
    - rbind
    - rprivate
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/dri/card1
    - path: /dev/nvidia0
    hooks:
    - args: [nvidia-cdi-hook, create-symlinks, --link, "../card1::/dev/dri/by-path/pci-0000:04:00.0-card"]
      hookName: createContainer
      path: /usr/bin/nvidia-cdi-hook
  name: "0"
- containerEdits:
    deviceNodes:
    - hostPath: /driver/dev/nvidia0
      path: /dev/nvidia0
  name: GPU-4404041a-04cf-1ccf-9e70-f139a9b1e23c
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: all
kind: nvidia.com/gpu
)";

TEST(ParseCdiSpec, ReadsWhatTheToolkitWrites) {
  const CdiSpec spec = parsed_yaml(kToolkitYaml);
  EXPECT_EQ(spec.kind, "nvidia.com/gpu");
  EXPECT_EQ(lowest_cdi_version(spec), "0.5.0");
  ASSERT_EQ(spec.devices.size(), 3U);
  EXPECT_EQ(spec.devices[0].name, "0");
  EXPECT_EQ(spec.devices[0].edits.hooks[0].args[3],
            "../card1::/dev/dri/by-path/pci-0000:04:00.0-card");
  EXPECT_EQ(
      spec.devices[1].edits.device_nodes,
      (std::vector<CdiDeviceNode>{{.path = "/dev/nvidia0", .host_path = "/driver/dev/nvidia0"}}));
  EXPECT_EQ(spec.edits.env[1], "NVIDIA_VISIBLE_DEVICES=void");
  EXPECT_EQ(spec.edits.mounts[0].options,
            (std::vector<std::string>{"ro", "nosuid", "nodev", "rbind", "rprivate"}));
  EXPECT_EQ(parsed_yaml(cdi_spec_as_text(spec, CdiFormat::kYaml)), spec);
  EXPECT_EQ(parsed_json(cdi_spec_as_text(spec, CdiFormat::kJson)), spec);
}

TEST(ParseCdiSpec, TakesNullForWhatIsLeftOut) {
  EXPECT_EQ(refusal_of_edits(R"({"env":["A=1"],"deviceNodes":null,"hooks":null,"intelRdt":null,
    "mounts":[{"hostPath":"/a","containerPath":"/b","options":null}]})"),
            "no error");
  EXPECT_EQ(refusal_of_edits("null"), "devices[0] \"d\": \"containerEdits\" is empty");
  EXPECT_EQ(error_of(parse_cdi_spec("cdiVersion: 0.3.0\nkind: v/c\ndevices:\n", CdiFormat::kYaml)),
            "no \"devices\"");
  EXPECT_TRUE(
      parse_cdi_spec("cdiVersion: 0.3.0\nkind: v/c\nannotations:\ncontainerEdits:\ndevices:\n"
                     "- {name: d, containerEdits: {env: [A=1]}}\n",
                     CdiFormat::kYaml));
}

TEST(ParseCdiSpec, ReadsBothSpellingsOfAdditionalGids) {
  const auto text = [](std::string_view members) {
    return concat("cdiVersion: 0.7.0\nkind: v/c\ndevices:\n- {name: d, containerEdits: {", members,
                  "}}\n");
  };
  EXPECT_EQ(parsed_yaml(text("additionalGIDs: [44]")), parsed_yaml(text("additionalGids: [44]")));
  EXPECT_EQ(
      error_of(parse_cdi_spec(text("additionalGIDs: [1], additionalGids: [2]"), CdiFormat::kYaml)),
      "devices[0] \"d\": \"additionalGids\" twice");
}

TEST(ParseCdiSpec, ReadsOctalModes) {
  for (const std::string_view mode : {"438", "0666", "0o666", "0x1b6"}) {
    const CdiSpec spec =
        parsed_yaml(concat("cdiVersion: 0.3.0\nkind: v/c\ndevices:\n- name: d\n  containerEdits:\n"
                           "    deviceNodes: [{path: /dev/a, fileMode: ",
                           mode, "}]\n"));
    EXPECT_EQ(spec.devices[0].edits.device_nodes[0].file_mode, 0666U) << mode;
  }
}

TEST(ParseCdiSpec, RefusesMembersOfAnotherType) {
  struct {
    std::string_view edits, error;
  } const rows[] = {
      {"[]", "\"containerEdits\" is not an object"},
      {R"({"env":{}})", "\"env\" is not a list"},
      {R"({"env":["A=1",2]})", "\"env[1]\" is not a text"},
      {R"({"env":["A=1",null]})", "\"env[1]\" is not a text"},
      {R"({"deviceNodes":["/dev/a"]})", "\"deviceNodes[0]\" is not an object"},
      {R"({"deviceNodes":[{},null]})", "\"deviceNodes[1]\" is not an object"},
      {R"({"deviceNodes":[{"path":1}]})", "deviceNodes[0]: \"path\" is not a text"},
      {R"({"deviceNodes":[{"path":null}]})", "deviceNodes[0]: \"path\" is not a text"},
      {R"({"deviceNodes":[{"uid":-1}]})",
       "deviceNodes[0]: \"uid\" is not an integer from 0 to 4294967295"},
      {R"({"deviceNodes":[{"uid":4294967296}]})",
       "deviceNodes[0]: \"uid\" is not an integer from 0 to 4294967295"},
      {R"({"deviceNodes":[{"gid":1.0}]})",
       "deviceNodes[0]: \"gid\" is not an integer from 0 to 4294967295"},
      {R"({"deviceNodes":[{"fileMode":"0666"}]})",
       "deviceNodes[0]: \"fileMode\" is not an integer from 0 to 4294967295"},
      {R"({"deviceNodes":[{"major":9223372036854775808}]})",
       "deviceNodes[0]: \"major\" is not an integer from -9223372036854775808 to "
       "9223372036854775807"},
      {R"({"hooks":[{"timeout":true}]})",
       "hooks[0]: \"timeout\" is not an integer from -9223372036854775808 to 9223372036854775807"},
      {R"({"mounts":[{"options":"ro"}]})", "mounts[0]: \"options\" is not a list"},
      {R"({"additionalGids":[1,"2"]})",
       "\"additionalGids[1]\" is not an integer from 0 to 4294967295"},
      {R"({"intelRdt":[]})", "intelRdt: \"intelRdt\" is not an object"},
      {R"({"intelRdt":{"enableCMT":"true"}})", "intelRdt: \"enableCMT\" is not true or false"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(refusal_of_edits(row.edits), concat("devices[0] \"d\": ", row.error));
}

TEST(ParseCdiSpec, RefusesUnknownMembersOfEveryObject) {
  struct {
    std::string_view text, error;
  } const rows[] = {
      {R"({"x":1})", "unknown member \"x\""},
      {R"({"Kind":"v/c"})", "unknown member \"Kind\""},
      {R"({"containerEdits":{"x":1}})", "containerEdits: unknown member \"x\""},
      {R"({"containerEdits":{"Env":[]}})", "containerEdits: unknown member \"Env\""},
      {R"({"containerEdits":{"mounts":[{},{"x":1}]}})",
       "containerEdits: mounts[1]: unknown member \"x\""},
      {R"({"containerEdits":{"hooks":[{"x":1}]}})",
       "containerEdits: hooks[0]: unknown member \"x\""},
      {R"({"containerEdits":{"intelRdt":{"x":1}}})",
       "containerEdits: intelRdt: unknown member \"x\""},
      {R"({"containerEdits":{"netDevices":[{"x":1}]}})",
       "containerEdits: netDevices[0]: unknown member \"x\""},
      {R"({"devices":[{"x":1}]})", "devices[0]: unknown member \"x\""},
      {R"({"devices":[{"name":1}]})", "devices[0]: \"name\" is not a text"},
      {R"({"devices":[1]})", "\"devices[0]\" is not an object"},
      {R"({"devices":{}})", "\"devices\" is not a list"},
      {R"({"devices":[{"name":"a"},{"name":"b\n","x":1}]})",
       "devices[1] \"b\\x0a\": unknown member \"x\""},
      {R"({"annotations":[]})", "\"annotations\" is not an object"},
      {R"({"annotations":{"a":1}})", "annotations: \"a\" is not a text"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_of(parse_cdi_spec(row.text, CdiFormat::kJson)), row.error);
    EXPECT_EQ(error_kind(parse_cdi_spec(row.text, CdiFormat::kJson)), "bad-input");
  }
}

TEST(ParseCdiSpec, RefusesWhatBreaksARuleWithItsPlace) {
  EXPECT_EQ(error_of(parse_cdi_spec(
                R"({"cdiVersion":"0.5.0","kind":"v/c","devices":[
                  {"name":"a","containerEdits":{"env":["A=1"]}},{"name":"1:0","containerEdits":{
                  "mounts":[{"containerPath":"/b"}]}}]})",
                CdiFormat::kJson)),
            "devices[1] \"1:0\": mounts[0]: no \"hostPath\"");
}

TEST(ParseCdiSpec, RefusesWhatIsNoObject) {
  for (const std::string_view text : {"[]", "null", "1", "\"a\""}) {
    for (const CdiFormat format : {CdiFormat::kJson, CdiFormat::kYaml})
      EXPECT_EQ(error_of(parse_cdi_spec(text, format)), "the document is not an object") << text;
  }
}

TEST(ParseCdiSpec, ReadsEachFormatByItsRules) {
  EXPECT_THAT(error_of(parse_cdi_spec(kFullYaml, CdiFormat::kJson)), StartsWith("not JSON: "));
  EXPECT_THAT(error_of(parse_cdi_spec("a: [", CdiFormat::kYaml)), StartsWith("not YAML: line "));
}

TEST(ParseCdiSpec, TakesFourMebibytesAndNoMore) {
  for (const CdiFormat format : {CdiFormat::kJson, CdiFormat::kYaml}) {
    std::string text(kFullJson);
    text.resize(std::size_t{4} << 20U, ' ');
    EXPECT_EQ(error_of(parse_cdi_spec(text, format)), "no error");
    EXPECT_EQ(error_of(parse_cdi_spec(text + " ", format)), "larger than 4194304 bytes");
  }
}

TEST(ParseCdiSpec, RefusesJsonCutOffAnywhere) {
  const std::string_view text = trimmed(kFullJson);
  for (std::size_t size = 0; size < text.size(); ++size) {
    ASSERT_EQ(error_kind(parse_cdi_spec(text.substr(0, size), CdiFormat::kJson)), "bad-input")
        << size;
    ASSERT_EQ(error_kind(parse_cdi_spec(text.substr(0, size), CdiFormat::kYaml)), "bad-input")
        << size;
  }
}

// YAML can end early and be complete; what is taken then is a specification.
TEST(ParseCdiSpec, SurvivesYamlCutOffAnywhere) {
  for (const std::string_view text : {kFullYaml, kToolkitYaml}) {
    for (std::size_t size = 0; size < text.size(); ++size) {
      const Result<CdiSpec> spec = parse_cdi_spec(text.substr(0, size), CdiFormat::kYaml);
      ASSERT_EQ(error_of(spec ? check_cdi_spec(*spec) : Status()), "no error") << size;
    }
  }
}

TEST(ParseCdiSpec, SurvivesAnyByteAnywhere) {
  for (const char byte :
       {'\0', '\n', '\t', '"', '\'', '[', '{', '}', '&', '*', '!', '|', '-', ':', '\xff'}) {
    for (std::size_t at = 0; at < kFullYaml.size(); ++at) {
      std::string changed(kFullYaml);
      changed[at] = byte;
      const Result<CdiSpec> spec = parse_cdi_spec(changed, CdiFormat::kYaml);
      ASSERT_EQ(error_of(spec ? check_cdi_spec(*spec) : Status()), "no error") << at;
    }
  }
}

}  // namespace
}  // namespace gpuhook
