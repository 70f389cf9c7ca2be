// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "gpuhook/cdi_plan.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::sample_inventory;
using testing::value_of;

CdiSpec base() {
  CdiSpec spec{.version = "0.5.0", .kind = "nvidia.com/gpu"};
  spec.edits.env = {"NVIDIA_VISIBLE_DEVICES=void"};
  spec.edits.device_nodes = {{.path = "/dev/nvidiactl", .permissions = "rw"}};
  spec.edits.mounts = {{.host_path = "/usr/lib64/libcuda.so.550.54.15",
                        .container_path = "/usr/lib/libcuda.so.550.54.15",
                        .options = {"ro", "bind"}}};
  spec.edits.hooks = {
      {.hook_name = "createRuntime",
       .path = "/usr/bin/gpu-hook",
       .args = {"gpu-hook", "createRuntime", "--made-for=550.54.15 nvidiactl=195 nvidia-uvm=510"},
       .env = {"PATH=/bin"}}};
  for (const std::string name : {"0", "1"}) {
    CdiDevice device{.name = name};
    device.edits.device_nodes = {{.path = "/dev/nvidia" + name, .permissions = "rw"}};
    device.edits.mounts = {{.host_path = "/egl/" + name, .container_path = "/egl/" + name}};
    spec.devices.push_back(std::move(device));
  }
  return spec;
}

using Change = std::function<void(CdiSpec&)>;

Change made_for(const std::string& fingerprint) {
  return
      [fingerprint](CdiSpec& spec) { spec.edits.hooks[0].args[2] = "--made-for=" + fingerprint; };
}

TEST(CdiDrift, OfEqualSpecificationsIsNone) {
  EXPECT_THAT(cdi_drift(base(), base()), IsEmpty());
  EXPECT_THAT(cdi_drift({}, {}), IsEmpty());
}

struct Row {
  std::string_view name;
  Change change;  // what is now other than written
  std::vector<Note> expected;
};

void expect_drift(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    CdiSpec now = base();
    row.change(now);
    EXPECT_EQ(cdi_drift(base(), now), row.expected) << row.name;
  }
}

TEST(CdiDrift, NamesChangesOfTheDriver) {
  expect_drift({
      {"version",
       made_for("560.1 nvidiactl=195 nvidia-uvm=510"),
       {{"driver version", "in the specification 550.54.15, on the host 560.1"}}},
      {"major number",
       made_for("550.54.15 nvidiactl=195 nvidia-uvm=511"),
       {{"driver major number of nvidia-uvm", "in the specification 510, on the host 511"}}},
      {"node that is gone",
       made_for("550.54.15 nvidiactl=195"),
       {{"driver major number of nvidia-uvm", "in the specification, not on the host"}}},
      {"node that is new",
       made_for("550.54.15 nvidiactl=195 nvidia-uvm=510 nvidia-cap1=240"),
       {{"driver major number of nvidia-cap1", "on the host, not in the specification"}}},
      {"version and number",
       made_for("560.1 nvidiactl=195 nvidia-uvm=511"),
       {{"driver major number of nvidia-uvm", "in the specification 510, on the host 511"},
        {"driver version", "in the specification 550.54.15, on the host 560.1"}}},
  });
}

TEST(CdiDrift, NamesDevicesThatComeAndGo) {
  expect_drift({
      {"gone",
       [](CdiSpec& spec) { spec.devices.pop_back(); },
       {{"device 1", "in the specification, not on the host"}}},
      {"new",
       [](CdiSpec& spec) {
         spec.devices.push_back(spec.devices[0]);
         spec.devices.back().name = "2";
       },
       {{"device 2", "on the host, not in the specification"}}},
      {"another name",
       [](CdiSpec& spec) { spec.devices[0].name = "GPU-0"; },
       {{"device 0", "in the specification, not on the host"},
        {"device GPU-0", "on the host, not in the specification"}}},
  });
}

TEST(CdiDrift, NamesNodes) {
  expect_drift({
      {"control node that is gone",
       [](CdiSpec& spec) { spec.edits.device_nodes.clear(); },
       {{"control node /dev/nvidiactl", "in the specification, not on the host"}}},
      {"control node that is new",
       [](CdiSpec& spec) { spec.edits.device_nodes.push_back({.path = "/dev/nvidia-uvm"}); },
       {{"control node /dev/nvidia-uvm", "on the host, not in the specification"}}},
      {"control node at another place",
       [](CdiSpec& spec) { spec.edits.device_nodes[0].host_path = "/x/nvidiactl"; },
       {{"control node /dev/nvidiactl",
         "in the specification /dev/nvidiactl, on the host /x/nvidiactl"}}},
      {"another user",
       [](CdiSpec& spec) { spec.edits.device_nodes[0].uid = 7; },
       {{"control node /dev/nvidiactl",
         "in the specification /dev/nvidiactl, on the host /dev/nvidiactl user 7"}}},
      {"another group",
       [](CdiSpec& spec) { spec.edits.device_nodes[0].gid = 44; },
       {{"control node /dev/nvidiactl",
         "in the specification /dev/nvidiactl, on the host /dev/nvidiactl group 44"}}},
      {"another number of the GPU's",
       [](CdiSpec& spec) { spec.devices[1].edits.device_nodes[0].path = "/dev/nvidia7"; },
       {{"node of 1 /dev/nvidia1", "in the specification, not on the host"},
        {"node of 1 /dev/nvidia7", "on the host, not in the specification"}}},
      {"GPU's node at another place",
       [](CdiSpec& spec) { spec.devices[0].edits.device_nodes[0].host_path = "/x/nvidia0"; },
       {{"node of 0 /dev/nvidia0", "in the specification /dev/nvidia0, on the host /x/nvidia0"}}},
  });
}

TEST(CdiDrift, SeesAnotherMode) {
  CdiSpec now = base();
  now.edits.device_nodes[0].file_mode = 0660;
  const std::vector<Note> drift = cdi_drift(base(), now);
  ASSERT_EQ(drift.size(), 1U);
  EXPECT_EQ(drift[0].what, "control node /dev/nvidiactl");
}

TEST(CdiDrift, NamesFiles) {
  expect_drift({
      {"gone",
       [](CdiSpec& spec) { spec.edits.mounts.clear(); },
       {{"file /usr/lib/libcuda.so.550.54.15", "in the specification, not on the host"}}},
      {"new",
       [](CdiSpec& spec) {
         spec.edits.mounts.push_back({.host_path = "/a", .container_path = "/b"});
       },
       {{"file /b", "on the host, not in the specification"}}},
      {"from another place",
       [](CdiSpec& spec) { spec.edits.mounts[0].host_path = "/x"; },
       {{"file /usr/lib/libcuda.so.550.54.15",
         "in the specification /usr/lib64/libcuda.so.550.54.15 ro,bind, on the host /x ro,bind"}}},
      {"other options",
       [](CdiSpec& spec) { spec.edits.mounts[0].options = {"rw"}; },
       {{"file /usr/lib/libcuda.so.550.54.15",
         "in the specification /usr/lib64/libcuda.so.550.54.15 ro,bind, on the host "
         "/usr/lib64/libcuda.so.550.54.15 rw"}}},
      {"of a device",
       [](CdiSpec& spec) { spec.devices[1].edits.mounts[0].container_path = "/egl/7"; },
       {{"file of 1 /egl/1", "in the specification, not on the host"},
        {"file of 1 /egl/7", "on the host, not in the specification"}}},
  });
}

TEST(CdiDrift, NamesHooks) {
  const std::string written = "in the specification /usr/bin/gpu-hook gpu-hook createRuntime";
  expect_drift({
      {"another program",
       [](CdiSpec& spec) { spec.edits.hooks[0].path = "/opt/gpu-hook"; },
       {{"hook createRuntime", written + ", on the host /opt/gpu-hook gpu-hook createRuntime"}}},
      {"other arguments",
       [](CdiSpec& spec) { spec.edits.hooks[0].args.emplace_back("--x"); },
       {{"hook createRuntime",
         written + ", on the host /usr/bin/gpu-hook gpu-hook createRuntime --x"}}},
      {"another stage",
       [](CdiSpec& spec) { spec.edits.hooks[0].hook_name = "prestart"; },
       {{"hook createRuntime", "in the specification, not on the host"},
        {"hook prestart", "on the host, not in the specification"}}},
      {"none",
       [](CdiSpec& spec) { spec.edits.hooks.clear(); },
       {{"driver major number of nvidia-uvm", "in the specification, not on the host"},
        {"driver major number of nvidiactl", "in the specification, not on the host"},
        {"driver version", "in the specification, not on the host"},
        {"hook createRuntime", "in the specification, not on the host"}}},
  });
}

TEST(CdiDrift, SaysThatTheFormIsAnother) {
  const std::vector<Note> form{{"form", "written by another version of gpu-hook"}};
  expect_drift({
      {"version", [](CdiSpec& spec) { spec.version = "0.7.0"; }, form},
      {"kind", [](CdiSpec& spec) { spec.kind = "nvidia.com/mig"; }, form},
      {"variable", [](CdiSpec& spec) { spec.edits.env.clear(); }, form},
      {"annotation", [](CdiSpec& spec) { spec.annotations["a"] = "b"; }, form},
      {"groups", [](CdiSpec& spec) { spec.edits.additional_gids = {44}; }, form},
      {"environment of the hook", [](CdiSpec& spec) { spec.edits.hooks[0].env.clear(); }, form},
      {"order of devices", [](CdiSpec& spec) { std::swap(spec.devices[0], spec.devices[1]); },
       form},
      {"permissions",
       [](CdiSpec& spec) { spec.devices[0].edits.device_nodes[0].permissions = "rwm"; }, form},
  });
}

TEST(CdiDrift, DoesNotSpeakOfTheFormBesideOtherThings) {
  expect_drift({{"version and device",
                 [](CdiSpec& spec) {
                   spec.version = "0.7.0";
                   spec.devices.pop_back();
                 },
                 {{"device 1", "in the specification, not on the host"}}}});
}

TEST(CdiDrift, ComesInTheOrderOfImportance) {
  CdiSpec now = base();
  made_for("560.1 nvidiactl=195 nvidia-uvm=510")(now);
  now.edits.hooks[0].path = "/opt/gpu-hook";
  now.edits.mounts.clear();
  now.edits.device_nodes.clear();
  now.devices[0].edits = {};
  now.devices.pop_back();
  std::vector<std::string> found;
  for (const Note& note : cdi_drift(base(), now)) found.push_back(note.what);
  EXPECT_THAT(found, ElementsAre("driver version", "device 1", "control node /dev/nvidiactl",
                                 "node of 0 /dev/nvidia0", "file of 0 /egl/0",
                                 "file /usr/lib/libcuda.so.550.54.15", "hook createRuntime"));
}

CdiSpec spec_of(const Inventory& host) {
  return cdi_spec_of(value_of(plan_cdi_devices({}, host, {.libraries = LibraryConvention::kLib64},
                                               {}, CdiNaming::kIndex)),
                     {.program = HostPath::literal("/usr/bin/gpu-hook"),
                      .arguments = {"gpu-hook", "--made-for=" + fingerprint_of(host)}});
}

TEST(CdiDrift, OfTheSameHostIsNoneAlsoFromAFile) {
  const CdiSpec spec = spec_of(sample_inventory());
  for (const CdiFormat format : {CdiFormat::kJson, CdiFormat::kYaml}) {
    const CdiSpec read = value_of(parse_cdi_spec(cdi_spec_as_text(spec, format), format));
    EXPECT_THAT(cdi_drift(read, spec_of(sample_inventory())), IsEmpty());
  }
}

TEST(CdiDrift, OfAHostThatLostAGpuNamesItAndWhatAllHadOfIt) {
  Inventory later = sample_inventory();
  later.gpus.pop_back();
  std::vector<std::string> found;
  for (const Note& note : cdi_drift(spec_of(sample_inventory()), spec_of(later)))
    found.push_back(note.what);
  EXPECT_THAT(found,
              ElementsAre("device 1:0", "device 1:1", "device 1:2",
                          "node of all /dev/nvidia-caps/nvidia-cap12",
                          "node of all /dev/nvidia-caps/nvidia-cap13",
                          "node of all /dev/nvidia-caps/nvidia-cap14",
                          "node of all /dev/nvidia-caps/nvidia-cap21",
                          "node of all /dev/nvidia-caps/nvidia-cap22", "node of all /dev/nvidia1"));
}

}  // namespace
}  // namespace gpuhook
