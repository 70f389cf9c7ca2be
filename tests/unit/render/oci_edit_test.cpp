// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "gpuhook/spec.h"
#include "request/decision_text.h"
#include "support/captured.h"
#include "support/every_op.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

std::vector<DeviceSelector> devices_of(const ContainerSpec& spec, const Inventory& host) {
  std::vector<DeviceNumber> numbers;
  for (const SpecDevice& device : spec.devices) numbers.push_back(device.number);
  return devices_with(numbers, host);
}

using nlohmann::json;
using testing::captured;
using testing::captured_configs;
using testing::decision_text;
using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::plan_of_every_kind;
using testing::sample_inventory;
using testing::value_of;

const CompletionHook kHook{.program = HostPath::literal("/usr/bin/gpu-hook"),
                           .arguments = {"gpu-hook", "createRuntime"}};
const std::string kHookPiece =
    R"({"path":"/usr/bin/gpu-hook","args":["gpu-hook","createRuntime"],"env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]})";

SpecEdit edit_of(std::vector<PlannedOp> ops) {
  SpecEdit edit{.plan = {}, .hook = kHook};
  edit.plan.driver = value_of(DriverVersion::parse("550.54.15"));
  edit.fingerprint = "550.54.15 nvidiactl=195";
  edit.plan.ops = std::move(ops);
  return edit;
}

PlannedOp node(const std::string& path, std::uint32_t minor, NodeAccess access = {}) {
  return {.op = BindDevice{.source = HostPath::literal(path),
                           .target = ContainerPath::literal(path),
                           .number = {195, minor},
                           .access = access}};
}

Result<EditedSpec> try_edit(std::string_view config, const SpecEdit& edit) {
  return edit_oci_spec(config, value_of(parse_container_spec(config)), edit);
}
std::string edited(std::string_view config, const SpecEdit& edit = edit_of({})) {
  return value_of(try_edit(config, edit)).config_json;
}

// A configuration with these members behind what it must have.
std::string config_with(std::string_view members, std::string_view process = "{}") {
  return concat(R"({"process":)", process, R"(,"root":{"path":"r"})", members, "}");
}

TEST(EditOciSpec, PutsHookVariableAndMarkIntoASmallConfiguration) {
  EXPECT_EQ(edited(config_with("")),
            concat(R"({"process":{"env": ["NVIDIA_VISIBLE_DEVICES=void"]},"root":{"path":"r"},)",
                   R"("hooks": {"createRuntime": [)", kHookPiece, "]},",
                   R"("annotations": {"io.gpuhook.injected": "550.54.15 nvidiactl=195"}})"));
}

TEST(EditOciSpec, PutsEveryOpInItsPlace) {
  SpecEdit edit{.plan = plan_of_every_kind(), .hook = kHook};
  edit.plan.ops.push_back(node("/dev/nvidia0", 0, {.mode = 0660, .uid = 0, .gid = 44}));
  const EditedSpec made = value_of(try_edit(config_with(""), edit));
  EXPECT_THAT(made.notes, IsEmpty());
  EXPECT_EQ(json::parse(made.config_json), json::parse(R"({
    "process": {"env": ["NVIDIA_VISIBLE_DEVICES=void"], "user": {"additionalGids": [44]}},
    "root": {"path": "r"},
    "mounts": [
      {"destination": "/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15", "type": "bind",
       "source": "/usr/lib64/libcuda.so.550.54.15",
       "options": ["ro", "nosuid", "nodev", "bind", "rprivate"]},
      {"destination": "/run/nvidia-persistenced/socket", "type": "bind",
       "source": "/run/nvidia-persistenced/socket",
       "options": ["ro", "nosuid", "nodev", "noexec", "bind", "rprivate"]},
      {"destination": "/tmp/nvidia-mps", "type": "bind", "source": "/tmp/nvidia-mps",
       "options": ["rw", "nosuid", "nodev", "noexec", "bind", "rprivate"]}],
    "linux": {
      "devices": [
        {"path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255, "fileMode": 438,
         "uid": 0, "gid": 0},
        {"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0, "fileMode": 432, "uid": 0,
         "gid": 44}],
      "resources": {"devices": [
        {"allow": true, "type": "c", "major": 195, "minor": 255, "access": "rw"}]}},
    "hooks": {"createRuntime": [{"path": "/usr/bin/gpu-hook",
                                 "args": ["gpu-hook", "createRuntime"],
                                 "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]},
    "annotations": {"io.gpuhook.injected": ""}})"));
}

TEST(EditOciSpec, PutsItsOwnBehindWhatIsThere) {
  const json after = json::parse(
      edited(config_with(R"(,"mounts":[{"destination":"/proc","type":"proc"}],
                            "linux":{"devices":[{"path":"/dev/fuse","type":"c"}],
                                     "resources":{"devices":[{"allow":false}]}},
                            "hooks":{"createRuntime":[{"path":"/x"}],"prestart":[{"path":"/y"}]},
                            "annotations":{"a":"b"})",
                         R"({"env":["A=1"],"user":{"uid":1,"additionalGids":[7]}})"),
             [] {
               SpecEdit edit{.plan = plan_of_every_kind(), .hook = kHook};
               edit.plan.ops.push_back(node("/dev/nvidia0", 0, {.mode = 0660, .gid = 44}));
               return edit;
             }()));
  EXPECT_EQ(after["mounts"][0]["destination"], "/proc");
  EXPECT_EQ(after["mounts"].size(), 4U);
  EXPECT_EQ(after["linux"]["devices"][0]["path"], "/dev/fuse");
  EXPECT_EQ(after["linux"]["devices"].size(), 3U);
  EXPECT_EQ(after["linux"]["resources"]["devices"][0], json::parse(R"({"allow":false})"));
  EXPECT_EQ(after["linux"]["resources"]["devices"].size(), 2U);
  EXPECT_EQ(after["hooks"]["createRuntime"][0]["path"], "/x");
  EXPECT_EQ(after["hooks"]["createRuntime"].size(), 2U);
  EXPECT_EQ(after["hooks"]["prestart"], json::parse(R"([{"path":"/y"}])"));
  EXPECT_EQ(after["annotations"], json::parse(R"({"a":"b","io.gpuhook.injected":""})"));
  EXPECT_EQ(after["process"]["env"], json::parse(R"(["A=1","NVIDIA_VISIBLE_DEVICES=void"])"));
  EXPECT_EQ(after["process"]["user"], json::parse(R"({"uid":1,"additionalGids":[7,44]})"));
}

TEST(EditOciSpec, TellsLaterHooksThatNothingIsAskedFor) {
  struct {
    std::string_view name, before, after;
  } const rows[] = {
      {"no list", "{}", R"({"env": ["NVIDIA_VISIBLE_DEVICES=void"]})"},
      {"null list", R"({"env":null})", R"({"env":["NVIDIA_VISIBLE_DEVICES=void"]})"},
      {"no variable", R"({"env":["A=1","B=2"]})",
       R"({"env":["A=1","B=2","NVIDIA_VISIBLE_DEVICES=void"]})"},
      {"variable", R"({"env":["NVIDIA_VISIBLE_DEVICES=all", "B=2"]})",
       R"({"env":["NVIDIA_VISIBLE_DEVICES=void", "B=2"]})"},
      {"empty variable", R"({"env":["NVIDIA_VISIBLE_DEVICES="]})",
       R"({"env":["NVIDIA_VISIBLE_DEVICES=void"]})"},
      {"last of several counts",
       R"({"env":["NVIDIA_VISIBLE_DEVICES=all","B=2","NVIDIA_VISIBLE_DEVICES=0","C=3"]})",
       R"({"env":["NVIDIA_VISIBLE_DEVICES=all","B=2","NVIDIA_VISIBLE_DEVICES=void","C=3"]})"},
      {"spelled with escapes", R"({"env":["\u004eVIDIA_VISIBLE_DEVICES=all","B=2"]})",
       R"({"env":["NVIDIA_VISIBLE_DEVICES=void","B=2"]})"},
      {"name without value", R"({"env":["NVIDIA_VISIBLE_DEVICES"]})",
       R"({"env":["NVIDIA_VISIBLE_DEVICES","NVIDIA_VISIBLE_DEVICES=void"]})"},
      {"similar names", R"({"env":["XNVIDIA_VISIBLE_DEVICES=1","NVIDIA_VISIBLE_DEVICES2=1"]})",
       R"({"env":["XNVIDIA_VISIBLE_DEVICES=1","NVIDIA_VISIBLE_DEVICES2=1",)"
       R"("NVIDIA_VISIBLE_DEVICES=void"]})"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(edited(config_with("", row.before)),
                HasSubstr(concat(R"({"process":)", row.after, R"(,"root")")))
        << row.name;
  }
}

TEST(EditOciSpec, RefusesATextThatIsNotTheOneOfTheSpecification) {
  const ContainerSpec spec{.env = {"NVIDIA_VISIBLE_DEVICES=all"}, .root_path = "r"};
  const auto refused = edit_oci_spec(config_with(""), spec, edit_of({}));
  EXPECT_EQ(error_of(refused), "editing config.json: \"process.env\" changed while it was edited");
  EXPECT_EQ(error_kind(refused), "bad-input");
}

TEST(EditOciSpec, TakesHooksOfTheToolkitOut) {
  const std::string ours = R"({"path":"/usr/bin/nvidia-container-runtime-hook","args":["x"]})";
  const std::string older = R"({"path":"/opt/nvidia-container-toolkit"})";
  const std::string other = R"({"path":"/y"})";
  const std::string another = R"({"path":"/z"})";
  struct {
    std::string_view name;
    std::string before, after;
  } const rows[] = {
      {"first", concat(ours, ", ", other), other},
      {"middle", concat(other, ", ", ours, ", ", another), concat(other, ", ", another)},
      {"last", concat(other, ", ", older), other},
      {"only", ours, ""},
      {"both", concat(ours, ",", older), ""},
      {"several among others", concat(ours, ",", other, ",", older, ",", another, ",", ours),
       concat(other, ",", another)},
      {"none", concat(other, ", ", another), concat(other, ", ", another)},
      {"in the current directory", R"({"path":"nvidia-container-toolkit"})", ""},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(edited(config_with(concat(R"(,"hooks":{"prestart":[)", row.before, "]}"))),
                HasSubstr(concat(R"("hooks":{"prestart":[)", row.after, "],\"createRuntime\"")))
        << row.name;
  }
}

TEST(EditOciSpec, TakesNoHookOutOfATextThatHasNone) {
  const ContainerSpec spec{.root_path = "r",
                           .prestart_hooks = {"/usr/bin/nvidia-container-runtime-hook"}};
  for (const std::string_view members : {"", R"(,"hooks":{"prestart":[]})"}) {
    EXPECT_EQ(value_of(edit_oci_spec(config_with(members), spec, edit_of({}))).config_json,
              edited(config_with(members)));
  }
}

TEST(EditOciSpec, KeepsOtherPrestartHooks) {
  for (const std::string_view entry :
       {R"({"path":"/usr/bin/gpu-hook","args":["gpu-hook","prestart"]})",
        R"({"path":"/usr/bin/nvidia-container-runtime-hook2"})",
        R"({"path":"/usr/bin/nvidia-container-runtime-hook/x"})",
        R"({"path":"/usr/bin/xnvidia-container-toolkit"})",
        R"({"path":"/x","args":["nvidia-container-runtime-hook"]})", R"({"args":[]})"}) {
    const std::string list = concat(R"("prestart":[)", entry, "]");
    EXPECT_THAT(edited(config_with(concat(R"(,"hooks":{)", list, "}"))), HasSubstr(list)) << entry;
  }
}

TEST(EditOciSpec, KeepsHooksOfTheToolkitAtOtherStages) {
  const std::string list = R"("createContainer":[{"path":"/usr/bin/nvidia-container-toolkit"}])";
  EXPECT_THAT(edited(config_with(concat(R"(,"hooks":{)", list, "}"))), HasSubstr(list));
}

TEST(EditOciSpec, ReplacesADeviceOfTheSamePath) {
  const SpecEdit edit = edit_of({node("/dev/nvidiactl", 255), node("/dev/nvidia0", 0)});
  const json after = json::parse(edited(
      config_with(R"(,"linux":{"devices":[{"path":"/dev/nvidia0","type":"c","major":1,"minor":2},
                     {"type":"c","path":"/dev/fuse"},{"type":"p","path":"/dev/nvidia00"},{}]})"),
      edit));
  EXPECT_EQ(after["linux"]["devices"], json::parse(R"([
      {"path":"/dev/nvidia0","type":"c","major":195,"minor":0,"fileMode":438,"uid":0,"gid":0},
      {"type":"c","path":"/dev/fuse"},
      {"type":"p","path":"/dev/nvidia00"},
      {},
      {"path":"/dev/nvidiactl","type":"c","major":195,"minor":255,"fileMode":438,"uid":0,"gid":0}
    ])"));
}

TEST(EditOciSpec, ReplacesEveryDeviceThatIsThere) {
  const SpecEdit edit = edit_of({node("/dev/nvidia1", 1), node("/dev/nvidia0", 0)});
  const json after = json::parse(
      edited(config_with(R"(,"linux":{"devices":[{"path":"/dev/nvidia0","type":"c","major":7},
                            {"path":"/dev/nvidia1","type":"c","major":8}]})"),
             edit));
  EXPECT_EQ(after["linux"]["devices"], json::parse(R"([
      {"path":"/dev/nvidia0","type":"c","major":195,"minor":0,"fileMode":438,"uid":0,"gid":0},
      {"path":"/dev/nvidia1","type":"c","major":195,"minor":1,"fileMode":438,"uid":0,"gid":0}])"));
}

TEST(EditOciSpec, RenewsAnOlderMark) {
  EXPECT_THAT(
      edited(config_with(R"(,"annotations":{"io.gpuhook.injected":"1.2","a":"b"})")),
      HasSubstr(R"("annotations":{"io.gpuhook.injected":"550.54.15 nvidiactl=195","a":"b"})"));
}

TEST(EditOciSpec, HandsOnWhatIsLeftOut) {
  SpecEdit edit = edit_of({node("/dev/nvidia0", 0)});
  const EditedSpec made = value_of(try_edit(
      config_with(R"(,"mounts":[{"source":"/dev","destination":"/dev","type":"bind"}])"), edit));
  EXPECT_THAT(made.notes, ElementsAre(Note{.what = "/dev/nvidia0",
                                           .reason = "left out: on the volume at /dev"}));
}

TEST(EditOciSpec, RefusesAVolumeOverSomethingRequired) {
  const SpecEdit edit{.plan = plan_of_every_kind(), .hook = kHook};
  const auto refused = try_edit(
      config_with(R"(,"mounts":[{"source":"/x","destination":"/usr/lib","type":"bind"}])"), edit);
  EXPECT_EQ(error_of(refused),
            "editing config.json: \"/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15\" lies on the "
            "volume at \"/usr/lib\"; do not mount volumes over the directories that receive driver "
            "files");
  EXPECT_EQ(error_kind(refused), "refused");
}

TEST(EditOciSpec, RefusesPartsOfAnotherKind) {
  struct {
    std::string_view members, process, error;
  } const rows[] = {
      {R"(,"hooks":[])", "{}", "\"hooks\" is not an object"},
      {R"(,"hooks":{"createRuntime":{}})", "{}", "\"createRuntime\" is not a list"},
      {R"(,"hooks":{"createruntime":[]})", "{}",
       "key \"createruntime\" differs from \"createRuntime\" in case only"},
      {R"(,"linux":{"resources":[]})", "{}", "\"resources\" is not an object"},
      {R"(,"linux":{"resources":{"devices":{}}})", "{}", "\"devices\" is not a list"},
      {"", R"({"user":"root"})", "\"user\" is not an object"},
  };
  SpecEdit edit{.plan = plan_of_every_kind(), .hook = kHook};
  edit.plan.ops.push_back(node("/dev/nvidia0", 0, {.mode = 0660, .gid = 44}));
  for (const auto& row : rows) {
    const auto refused = try_edit(config_with(row.members, row.process), edit);
    EXPECT_EQ(error_of(refused), concat("editing config.json: ", row.error)) << row.members;
    EXPECT_EQ(error_kind(refused), "bad-input") << row.members;
  }
}

const InjectionPlan& sample_plan() {
  static const InjectionPlan plan =
      value_of(make_plan({.devices = {AllDevices{}}}, sample_inventory(),
                         {.libraries = LibraryConvention::kMultiarch}));
  return plan;
}

SpecEdit edit_for(const ContainerSpec& spec) {
  return {.plan = sample_plan(), .hook = kHook, .in_user_namespace = spec.has_user_namespace};
}

// What an edit replaces or takes out.
bool may_go(const json& value) {
  if (value.is_string()) return value.get<std::string>().starts_with("NVIDIA_VISIBLE_DEVICES=");
  if (!value.is_object() || !value.contains("path")) return false;
  const std::string path = value["path"];
  return path.ends_with("/nvidia-container-runtime-hook") || path.starts_with("/dev/nvidia");
}

// Whether everything in `before` is in `after`: members by name, elements in their order.
bool is_kept(const json& before, const json& after) {
  if (before.is_null()) return true;
  if (before.is_object() && after.is_object()) {
    const auto& items = before.items();
    return std::all_of(items.begin(), items.end(), [&](const auto& item) {
      return after.contains(item.key()) && is_kept(item.value(), after[item.key()]);
    });
  }
  if (!before.is_array() || !after.is_array()) return before == after;
  std::size_t at = 0;
  for (const json& element : before) {
    if (may_go(element)) continue;
    while (at < after.size() && after[at] != element) ++at;
    if (at++ == after.size()) return false;
  }
  return true;
}

TEST(EditOciSpec, KeepsWhatEveryEngineWrote) {
  for (const std::string& file : captured_configs()) {
    const std::string before = captured(file);
    const std::string after = edited(before, edit_for(value_of(parse_container_spec(before))));
    EXPECT_TRUE(is_kept(json::parse(before), json::parse(after))) << file;
  }
}

TEST(EditOciSpec, GivesEveryEnginesContainerTheDevices) {
  for (const std::string& file : captured_configs()) {
    SCOPED_TRACE(file);
    const std::string before = captured(file);
    const ContainerSpec spec = value_of(
        parse_container_spec(edited(before, edit_for(value_of(parse_container_spec(before))))));
    if (!spec.has_user_namespace) {
      EXPECT_EQ(devices_of(spec, sample_inventory()),
                (std::vector<DeviceSelector>{GpuIndex{0}, MigIndex{1, 0}, MigIndex{1, 1},
                                             MigIndex{1, 2}}));
    }
    for (const PlannedOp& planned : sample_plan().ops) {
      const auto* const device = std::get_if<BindDevice>(&planned.op);
      if (device == nullptr) continue;
      const std::string& path = device->target.text();
      EXPECT_EQ(std::count_if(spec.devices.begin(), spec.devices.end(),
                              [&](const SpecDevice& had) { return had.path == path; }),
                spec.has_user_namespace ? 0 : 1)
          << path;
      EXPECT_EQ(std::count_if(spec.mounts.begin(), spec.mounts.end(),
                              [&](const SpecMount& had) { return had.destination == path; }),
                spec.has_user_namespace ? 1 : 0)
          << device->target.text();
    }
    EXPECT_EQ(std::count_if(spec.prestart_hooks.begin(), spec.prestart_hooks.end(),
                            [](const std::string& path) {
                              return path.ends_with("/nvidia-container-runtime-hook");
                            }),
              0);
  }
}

TEST(EditOciSpec, LeavesNothingToAskForInAnyEnginesConfiguration) {
  for (const std::string& file : captured_configs()) {
    const std::string before = captured(file);
    const ContainerSpec spec = value_of(
        parse_container_spec(edited(before, edit_for(value_of(parse_container_spec(before))))));
    EXPECT_EQ(decision_text(spec, {}, Decider::kSpecEditor), "nothing") << file;
    EXPECT_FALSE(value_of(decide_request(spec, {}, Decider::kHook)).request) << file;
  }
}

SpecDevice at(std::uint32_t major, std::uint32_t minor) {
  return {.path = concat("/dev/x", minor), .number = {major, minor}};
}

TEST(DevicesWith, AreNamedByWhatTheContainerHas) {
  struct {
    std::string_view name;
    std::vector<SpecDevice> devices;
    std::vector<DeviceSelector> expected;
  } const rows[] = {
      {"nothing", {}, {}},
      {"control nodes only", {at(195, 255), at(236, 0)}, {}},
      {"a GPU", {at(195, 3)}, {GpuIndex{0}}},
      {"a GPU of MIG", {at(195, 1)}, {GpuIndex{1}}},
      {"both, in the order of the host", {at(195, 1), at(195, 3)}, {GpuIndex{0}, GpuIndex{1}}},
      {"another major number", {at(196, 3)}, {}},
      {"a MIG device", {at(195, 1), at(240, 12), at(240, 13)}, {MigIndex{1, 0}}},
      {"two of one GPU instance",
       {at(195, 1), at(240, 14), at(240, 12), at(240, 13)},
       {MigIndex{1, 0}, MigIndex{1, 1}}},
      {"MIG device of the second instance",
       {at(195, 1), at(240, 21), at(240, 22)},
       {MigIndex{1, 2}}},
      {"MIG device and the other GPU",
       {at(195, 3), at(195, 1), at(240, 21), at(240, 22)},
       {GpuIndex{0}, MigIndex{1, 2}}},
      {"only the node of the GPU instance", {at(195, 1), at(240, 12)}, {GpuIndex{1}}},
      {"only the node of the compute instance", {at(195, 1), at(240, 13)}, {GpuIndex{1}}},
      {"nodes of two different ones", {at(195, 1), at(240, 12), at(240, 22)}, {GpuIndex{1}}},
      {"MIG device without its GPU", {at(240, 12), at(240, 13)}, {}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(devices_of({.devices = row.devices}, sample_inventory()), row.expected) << row.name;
}

TEST(DevicesWith, LeaveOutWhatCannotBeGivenAway) {
  Inventory host = sample_inventory();
  host.gpus[0].problem = "no node";
  EXPECT_EQ(devices_of({.devices = {at(195, 3), at(195, 1)}}, host),
            std::vector<DeviceSelector>{GpuIndex{1}});
}

TEST(DevicesWith, NameNoMigDeviceWithoutNodes) {
  Inventory host = sample_inventory();
  host.gpus[1].mig[0].gpu_instance_access.reset();
  host.gpus[1].mig[1].compute_instance_access.reset();
  const ContainerSpec spec{.devices = {at(195, 1), at(240, 12), at(240, 13), at(240, 14)}};
  EXPECT_EQ(devices_of(spec, host), std::vector<DeviceSelector>{GpuIndex{1}});
}

TEST(FingerprintOf, NamesDriverAndMajorNumbers) {
  Inventory host = sample_inventory();
  EXPECT_EQ(fingerprint_of(host), "550.54.15 nvidiactl=195 nvidia-uvm=236");
  host.mig_config =
      DeviceNode{.path = HostPath::literal("/dev/nvidia-caps/nvidia-cap1"), .number = {240, 1}};
  EXPECT_EQ(fingerprint_of(host), "550.54.15 nvidiactl=195 nvidia-uvm=236 nvidia-cap1=240");
  host.control_nodes.clear();
  host.mig_config.reset();
  EXPECT_EQ(fingerprint_of(host), "550.54.15");
}

TEST(FingerprintOf, IsTheSameForHostsThatDifferInDevicesOnly) {
  Inventory host = sample_inventory();
  const std::string all = fingerprint_of(host);
  host.gpus.clear();
  host.files.clear();
  EXPECT_EQ(fingerprint_of(host), all);
}

}  // namespace
}  // namespace gpuhook
