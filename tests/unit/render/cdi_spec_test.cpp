// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gpuhook/cdi_plan.h"
#include "support/every_op.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {

void PrintTo(const CdiSpec& spec, std::ostream* out) {
  *out << cdi_spec_as_text(spec, CdiFormat::kJson);
}

namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::IsEmpty;
using testing::plan_of_every_kind;
using testing::sample_inventory;
using testing::value_of;

const CompletionHook kHook{.program = HostPath::literal("/usr/bin/gpu-hook"),
                           .arguments = {"gpu-hook", "createRuntime", "--made-for=550 a=1"}};

PlannedOp node(const std::string& path, std::uint32_t minor, NodeAccess access = {}) {
  return {.op = BindDevice{.source = HostPath::literal(path),
                           .target = ContainerPath::literal(path),
                           .number = {195, minor},
                           .access = access}};
}
PlannedOp file(const std::string& path) {
  return {.op =
              BindFile{.source = HostPath::literal(path), .target = ContainerPath::literal(path)}};
}
InjectionPlan plan_of(std::vector<PlannedOp> ops) {
  InjectionPlan plan;
  plan.ops = std::move(ops);
  return plan;
}

std::vector<std::string> paths_in(const CdiEdits& edits) {
  std::vector<std::string> paths;
  for (const CdiDeviceNode& device : edits.device_nodes) paths.push_back(device.path);
  for (const CdiMount& mount : edits.mounts) paths.push_back(mount.container_path);
  return paths;
}

TEST(CdiSpecOf, HasEveryOpThatASpecificationCanExpress) {
  const CdiSpec spec = cdi_spec_of(
      {.common = plan_of_every_kind(), .devices = {{.name = "0", .plan = plan_of_every_kind()}}},
      kHook);
  EXPECT_EQ(
      spec,
      (CdiSpec{.version = "0.5.0",
               .kind = "nvidia.com/gpu",
               .annotations = {},
               .devices = {{.name = "0", .annotations = {}, .edits = {}}},
               .edits = {
                   .env = {"NVIDIA_VISIBLE_DEVICES=void"},
                   .device_nodes = {{.path = "/dev/nvidiactl", .permissions = "rw"}},
                   .mounts = {{.host_path = "/usr/lib64/libcuda.so.550.54.15",
                               .container_path = "/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15",
                               .options = {"ro", "nosuid", "nodev", "bind", "rprivate"}},
                              {.host_path = "/run/nvidia-persistenced/socket",
                               .container_path = "/run/nvidia-persistenced/socket",
                               .options = {"ro", "nosuid", "nodev", "noexec", "bind", "rprivate"}},
                              {.host_path = "/tmp/nvidia-mps",
                               .container_path = "/tmp/nvidia-mps",
                               .options = {"rw", "nosuid", "nodev", "noexec", "bind", "rprivate"}}},
                   .hooks = {{.hook_name = "createRuntime",
                              .path = "/usr/bin/gpu-hook",
                              .args = {"gpu-hook", "createRuntime", "--made-for=550 a=1"},
                              .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}}}}));
}

TEST(CdiSpecOf, GivesADeviceWhatItHasBeyondAll) {
  const CdiSpec spec = cdi_spec_of(
      {.common = plan_of({node("/dev/nvidiactl", 255), file("/a")}),
       .devices = {{.name = "0",
                    .plan = plan_of({node("/dev/nvidiactl", 255), node("/dev/nvidia0", 0),
                                     file("/a"), file("/b")})},
                   {.name = "1",
                    .plan = plan_of({node("/dev/nvidia1", 1), node("/dev/nvidiactl", 255)})}}},
      kHook);
  EXPECT_THAT(paths_in(spec.edits), ElementsAre("/dev/nvidiactl", "/a"));
  ASSERT_EQ(spec.devices.size(), 2U);
  EXPECT_EQ(spec.devices[0].name, "0");
  EXPECT_THAT(paths_in(spec.devices[0].edits), ElementsAre("/dev/nvidia0", "/b"));
  EXPECT_EQ(spec.devices[1].name, "1");
  EXPECT_THAT(paths_in(spec.devices[1].edits), ElementsAre("/dev/nvidia1"));
}

TEST(CdiSpecOf, GivesADeviceNeitherHookNorVariableOfItsOwn) {
  const CdiSpec spec = cdi_spec_of(
      {.common = {}, .devices = {{.name = "0", .plan = plan_of({node("/dev/nvidia0", 0)})}}},
      kHook);
  EXPECT_THAT(spec.edits.hooks,
              ElementsAre(CdiHook{.hook_name = "createRuntime",
                                  .path = "/usr/bin/gpu-hook",
                                  .args = {"gpu-hook", "createRuntime", "--made-for=550 a=1"},
                                  .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}));
  EXPECT_THAT(spec.edits.env, ElementsAre("NVIDIA_VISIBLE_DEVICES=void"));
  EXPECT_THAT(spec.devices[0].edits.hooks, IsEmpty());
  EXPECT_THAT(spec.devices[0].edits.env, IsEmpty());
}

TEST(CdiSpecOf, TakesEqualOpsForTheSameWhateverTheirReason) {
  PlannedOp other = file("/a");
  other.reason = "for GPU 0";
  other.necessity = Necessity::kOptional;
  const CdiSpec spec = cdi_spec_of(
      {.common = plan_of({file("/a")}), .devices = {{.name = "0", .plan = plan_of({other})}}},
      kHook);
  EXPECT_EQ(spec.devices[0].edits, CdiEdits());
}

CdiSpec spec_with_node(NodeAccess access) {
  return cdi_spec_of({.common = plan_of({node("/dev/nvidiactl", 255, access)}),
                      .devices = {{.name = "0", .plan = plan_of({node("/dev/x", 1, access)})}}},
                     kHook);
}

TEST(CdiSpecOf, AddsTheGroupsThatOpenNodes) {
  struct {
    std::string_view name;
    NodeAccess access;
    std::vector<std::uint32_t> gids;
    std::string_view version;
  } const rows[] = {
      {"closed to others", {.mode = 0660, .gid = 44}, {44}, "0.7.0"},
      {"others may only read", {.mode = 0664, .gid = 44}, {44}, "0.7.0"},
      {"others may only write", {.mode = 0662, .gid = 44}, {44}, "0.7.0"},
      {"open to all", {.mode = 0666, .gid = 44}, {}, "0.5.0"},
      {"root's group", {.mode = 0660, .gid = 0}, {}, "0.5.0"},
  };
  for (const auto& row : rows) {
    const CdiSpec spec = spec_with_node(row.access);
    EXPECT_EQ(spec.edits.additional_gids, row.gids) << row.name;
    EXPECT_EQ(spec.devices[0].edits.additional_gids, row.gids) << row.name;
    EXPECT_EQ(spec.version, row.version) << row.name;
    EXPECT_EQ(spec.devices[0].edits.device_nodes[0].file_mode, row.access.mode) << row.name;
    EXPECT_EQ(spec.devices[0].edits.device_nodes[0].uid, row.access.uid) << row.name;
    EXPECT_EQ(spec.devices[0].edits.device_nodes[0].gid, row.access.gid) << row.name;
  }
}

TEST(CdiSpecOf, LeavesTheUsualAccessOut) {
  const CdiDeviceNode device = spec_with_node({}).edits.device_nodes[0];
  EXPECT_EQ(device, (CdiDeviceNode{.path = "/dev/nvidiactl", .permissions = "rw"}));
}

TEST(CdiSpecOf, AddsAGroupOnce) {
  const NodeAccess access{.mode = 0660, .gid = 44};
  const CdiSpec spec =
      cdi_spec_of({.common = plan_of({node("/dev/a", 1, access), node("/dev/b", 2, access),
                                      node("/dev/c", 3, {.mode = 0660, .gid = 109})}),
                   .devices = {}},
                  kHook);
  EXPECT_THAT(spec.edits.additional_gids, ElementsAre(44, 109));
}

TEST(CdiSpecOf, CarriesTheFingerprintAsAnnotationWhereItCostsNothing) {
  EXPECT_THAT(spec_with_node({}).annotations, IsEmpty());
  const CdiSpec spec = spec_with_node({.mode = 0660, .gid = 44});
  EXPECT_THAT(spec.annotations, ElementsAre(std::pair("gpuhook.io/made-for", "550 a=1")));
  EXPECT_EQ(error_of(check_cdi_spec(spec)), "no error");
  EXPECT_EQ(lowest_cdi_version(spec), spec.version);
}

TEST(CdiSpecOf, HasNoAnnotationWithoutAFingerprint) {
  CompletionHook hook = kHook;
  hook.arguments = {"gpu-hook", "createRuntime", "made-for=1", "--made-for"};
  const CdiSpec spec = cdi_spec_of(
      {.common = plan_of({node("/dev/a", 1, {.mode = 0660, .gid = 44})}), .devices = {}}, hook);
  EXPECT_EQ(spec.version, "0.7.0");
  EXPECT_THAT(spec.annotations, IsEmpty());
}

TEST(CdiSpecOf, TakesSourcesFromTheRootOfTheirKind) {
  InjectionPlan plan = plan_of_every_kind();
  plan.driver_root = HostPath::literal("/run/nvidia/driver");
  plan.device_root = HostPath::literal("/run/nvidia/devices");
  const CdiSpec spec = cdi_spec_of({.common = plan, .devices = {}}, kHook);
  EXPECT_THAT(spec.edits.device_nodes,
              ElementsAre(CdiDeviceNode{.path = "/dev/nvidiactl",
                                        .host_path = "/run/nvidia/devices/dev/nvidiactl",
                                        .permissions = "rw"}));
  ASSERT_EQ(spec.edits.mounts.size(), 3U);
  EXPECT_EQ(spec.edits.mounts[0].host_path, "/run/nvidia/driver/usr/lib64/libcuda.so.550.54.15");
  EXPECT_EQ(spec.edits.mounts[1].host_path, "/run/nvidia/driver/run/nvidia-persistenced/socket");
  EXPECT_EQ(spec.edits.mounts[2].host_path, "/run/nvidia/devices/tmp/nvidia-mps");
  EXPECT_EQ(spec.version, "0.5.0");
}

CdiSpec spec_of(const Inventory& host, CdiNaming naming = CdiNaming::kIndex) {
  return cdi_spec_of(
      value_of(plan_cdi_devices({}, host, {.libraries = LibraryConvention::kLib64}, {}, naming)),
      kHook);
}

TEST(CdiSpecOf, DividesTheSampleHost) {
  const CdiSpec spec = spec_of(sample_inventory());
  EXPECT_THAT(paths_in(spec.edits),
              ElementsAre("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools",
                          "/usr/lib64/libcuda.so.550.54.15", "/usr/lib64/libnvidia-ml.so.550.54.15",
                          "/usr/bin/nvidia-smi", "/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin",
                          "/run/nvidia-persistenced/socket"));
  const std::vector<std::pair<std::string, std::vector<std::string>>> expected{
      {"0", {"/dev/nvidia3"}},
      {"1:0", {"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap12", "/dev/nvidia-caps/nvidia-cap13"}},
      {"1:1", {"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap12", "/dev/nvidia-caps/nvidia-cap14"}},
      {"1:2", {"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"}},
      {"all",
       {"/dev/nvidia3", "/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap12",
        "/dev/nvidia-caps/nvidia-cap13", "/dev/nvidia-caps/nvidia-cap14",
        "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"}}};
  std::vector<std::pair<std::string, std::vector<std::string>>> found;
  for (const CdiDevice& device : spec.devices)
    found.emplace_back(device.name, paths_in(device.edits));
  EXPECT_EQ(found, expected);
}

TEST(CdiSpecOf, IsReadableByMostEngines) {
  Inventory host = sample_inventory();
  EXPECT_EQ(spec_of(host).version, "0.5.0");
  host.gpus.resize(1);
  EXPECT_EQ(spec_of(host, CdiNaming::kUuid).version, "0.3.0");
  host.device_root = HostPath::literal("/run/nvidia/devices");
  EXPECT_EQ(spec_of(host, CdiNaming::kUuid).version, "0.5.0");
}

TEST(CdiSpecOf, KeepsTheRulesOfTheFormat) {
  Inventory closed = sample_inventory();
  for (DeviceNode& control : closed.control_nodes) control.access = {.mode = 0660, .gid = 44};
  Inventory elsewhere = sample_inventory();
  elsewhere.device_root = HostPath::literal("/run/nvidia/devices");
  elsewhere.driver_root = HostPath::literal("/run/nvidia/driver");
  for (const Inventory& host : {sample_inventory(), closed, elsewhere}) {
    for (const CdiNaming naming : {CdiNaming::kIndex, CdiNaming::kUuid, CdiNaming::kBoth}) {
      const CdiSpec spec = spec_of(host, naming);
      EXPECT_EQ(error_of(check_cdi_spec(spec)), "no error");
      for (const CdiFormat format : {CdiFormat::kJson, CdiFormat::kYaml})
        EXPECT_EQ(value_of(parse_cdi_spec(cdi_spec_as_text(spec, format), format)), spec);
    }
  }
}

}  // namespace
}  // namespace gpuhook
