// SPDX-License-Identifier: Apache-2.0
// What decide_request makes of a specification for who edits it, and where both deciders agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/request.h"
#include "request/decision_text.h"
#include "support/captured.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::captured;
using testing::captured_configs;
using testing::decision_text;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing::value_of;

const std::string kFolder = "/var/run/nvidia-container-devices/";
const Config kMounts{.accept_volume_mounts = true};
const Config kUntrusting{.accept_env_when_unprivileged = false};

SpecMount device_mount(const std::string& name) {
  return {.source = "/dev/null", .destination = kFolder + name};
}
Annotation annotation(std::string value) {
  return {.key = "cdi.k8s.io/pod", .value = std::move(value)};
}

std::string edited(const ContainerSpec& spec, const Config& config = {}) {
  return decision_text(spec, config, Decider::kSpecEditor);
}
std::string hooked(const ContainerSpec& spec, const Config& config = {}) {
  return decision_text(spec, config, Decider::kHook);
}

TEST(SpecEditor, TakesDevicesFromAnnotations) {
  struct {
    std::string_view name, value, expected;
  } const rows[] = {
      {"index", "nvidia.com/gpu=0", "0 for compute,utility"},
      {"several", "nvidia.com/gpu=1, nvidia.com/gpu=0", "1 0 for compute,utility"},
      {"all", "nvidia.com/gpu=all", "all for compute,utility"},
      {"all of the runtime's kind", "runtime.nvidia.com/gpu=all", "all for compute,utility"},
      {"UUID", "k8s.device-plugin.nvidia.com/gpu=GPU-0A0A0A0A-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
       "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e for compute,utility"},
      {"MIG device", "nvidia.com/gpu=1:0", "1:0 for compute,utility"},
      {"MIG device by UUID", "nvidia.com/gpu=MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
       "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e for compute,utility"},
      {"same device by two kinds", "nvidia.com/gpu=0,runtime.nvidia.com/gpu=0",
       "0 for compute,utility"},
      {"with another vendor's", "amd.com/gpu=7,nvidia.com/gpu=0",
       "0 for compute,utility; note: amd.com/gpu=7"},
      {"another vendor's alone", "amd.com/gpu=7,nvidia.com/nvme=1",
       "nothing; note: amd.com/gpu=7; note: nvidia.com/nvme=1"},
      {"nothing", "", "nothing"},
      {"blanks", " , ", "nothing"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(edited({.annotations = {annotation(std::string(row.value))}}), row.expected)
        << row.name;
}

TEST(SpecEditor, RefusesNamesOfOurKindsThatAreNoDevices) {
  for (const std::string name : {"nvidia.com/gpu=", "nvidia.com/gpu=none", "nvidia.com/gpu=void",
                                 "nvidia.com/gpu=gpu0", "nvidia.com/gpu"}) {
    EXPECT_THAT(edited({.annotations = {annotation(name)}}),
                StartsWith("bad-input: reading the annotations: not a "))
        << name;
    EXPECT_THAT(edited({.annotations = {annotation(name)}}), HasSubstr(concat("\"", name, "\"")));
  }
}

TEST(SpecEditor, LeavesOtherKindsToTheEngine) {
  for (const std::string name : {"other.nvidia.com/gpu=0", "management.nvidia.com/gpu=all"}) {
    EXPECT_EQ(edited({.annotations = {annotation(name)}}), concat("nothing; note: ", name));
  }
}

TEST(SpecEditor, TakesMountsBeforeAnnotations) {
  ContainerSpec spec{.env = {"NVIDIA_VISIBLE_DEVICES=all"},
                     .bounding = {"CAP_SYS_ADMIN"},
                     .mounts = {device_mount("2")},
                     .annotations = {annotation("nvidia.com/gpu=3")}};
  EXPECT_EQ(edited(spec, kMounts), "2 for compute,utility");
  spec.mounts.clear();
  EXPECT_EQ(edited(spec, kMounts), "3 for compute,utility");
  spec.annotations.clear();
  EXPECT_EQ(edited(spec, kMounts), "all for compute,utility");
}

// What images say by default gives way; what somebody has decided for this container does not, for
// engines hand on annotations of images, too.
TEST(SpecEditor, TakesAnnotationsWhereTheVariableSaysNothingOrAll) {
  struct {
    std::string_view variable, expected;
  } const rows[] = {
      {"NVIDIA_VISIBLE_DEVICES=all", "3 for compute,utility"},
      {"OTHER=1", "3 for compute,utility"},
      {"NVIDIA_VISIBLE_DEVICES=1", "1 for compute,utility"},
      {"NVIDIA_VISIBLE_DEVICES=void", "nothing"},
      {"NVIDIA_VISIBLE_DEVICES=", "nothing"},
      {"NVIDIA_VISIBLE_DEVICES=none", "no GPU for compute,utility"},
      {"NVIDIA_VISIBLE_DEVICES=0,all", "all for compute,utility"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(edited({.env = {std::string(row.variable)},
                      .annotations = {annotation("nvidia.com/gpu=3")}}),
              row.expected)
        << row.variable;
  }
}

TEST(SpecEditor, ReadsTheVariableWhereAnnotationsNameOtherThings) {
  const ContainerSpec spec{.env = {"NVIDIA_VISIBLE_DEVICES=1"},
                           .annotations = {annotation("amd.com/gpu=7")}};
  EXPECT_EQ(edited(spec), "1 for compute,utility; note: amd.com/gpu=7");
}

TEST(SpecEditor, TrustsAnnotationsNoMoreThanVariables) {
  ContainerSpec spec{.annotations = {annotation("nvidia.com/gpu=3")}};
  EXPECT_EQ(edited(spec, kUntrusting), "nothing; note: annotations");
  Config trusting = kUntrusting;
  trusting.accept_annotations = true;
  EXPECT_EQ(edited(spec, trusting), "3 for compute,utility");
  spec.bounding = {"CAP_SYS_ADMIN"};
  EXPECT_EQ(edited(spec, kUntrusting), "3 for compute,utility");
}

TEST(SpecEditor, ReadsTheKeysThatTheAdministratorNames) {
  const ContainerSpec spec{.annotations = {{.key = "our.org/gpus", .value = "nvidia.com/gpu=1"},
                                           annotation("nvidia.com/gpu=2")}};
  EXPECT_EQ(edited(spec), "2 for compute,utility");
  EXPECT_EQ(edited(spec, {.annotation_prefixes = {"our.org/"}}), "1 for compute,utility");
  EXPECT_EQ(edited(spec, {.annotation_prefixes = {}}), "nothing");
}

TEST(SpecEditor, Takes1024AnnotatedDevicesAndNoMore) {
  std::string names = "nvidia.com/gpu=0";
  for (int i = 1; i < 1024; ++i) names += concat(",nvidia.com/gpu=", i);
  EXPECT_THAT(edited({.annotations = {annotation(names)}}), StartsWith("0 1 2 "));
  EXPECT_THAT(edited({.annotations = {annotation(names + ",nvidia.com/gpu=0")}}),
              StartsWith("0 1 2 "));
  EXPECT_EQ(edited({.annotations = {annotation(names + ",nvidia.com/gpu=1024")}}),
            "bad-input: annotations name more than 1024 devices");
}

TEST(SpecEditor, TellsWhyAnotherVendorsDeviceIsIgnored) {
  const RequestDecision decision = value_of(
      decide_request({.annotations = {annotation("amd.com/gpu=7")}}, {}, Decider::kSpecEditor));
  EXPECT_THAT(
      decision.notes,
      ElementsAre(Note{.what = "amd.com/gpu=7",
                       .reason = "not a GPU, left to the engine; annotation \"cdi.k8s.io/pod\""}));
}

TEST(SpecEditor, DoesNothingWhereTheDriverIs) {
  const ContainerSpec asking{.env = {"NVIDIA_VISIBLE_DEVICES=no-such"},
                             .annotations = {annotation("nvidia.com/gpu=3,amd.com/gpu=7")}};
  ContainerSpec marked = asking;
  marked.annotations.push_back({.key = "io.gpuhook.injected", .value = "550.54.15"});
  EXPECT_EQ(edited(marked), "nothing");
  ContainerSpec by_engine = asking;
  by_engine.devices = {{.path = "/dev/nvidiactl", .number = {195, 255}}};
  by_engine.mounts = {{.source = "/x", .destination = "/lib/libnvidia-ml.so.550.54.15"}};
  EXPECT_EQ(edited(by_engine), "nothing");
}

TEST(SpecEditor, ServesPrivilegedContainersThatHaveNodesOnly) {
  const ContainerSpec spec{.env = {"NVIDIA_VISIBLE_DEVICES=0"},
                           .bounding = {"CAP_SYS_ADMIN"},
                           .devices = {{.path = "/dev/nvidiactl", .number = {195, 255}}}};
  EXPECT_EQ(edited(spec), "0 for compute,utility");
}

TEST(SpecEditor, ServesContainersWhoseUserBoundALibraryByHand) {
  const ContainerSpec spec{
      .env = {"NVIDIA_VISIBLE_DEVICES=0"},
      .mounts = {{.source = "/x", .destination = "/lib/libcuda.so.550.54.15"}}};
  EXPECT_EQ(edited(spec), "0 for compute,utility");
}

TEST(Hook, ReadsNoAnnotations) {
  EXPECT_EQ(hooked({.annotations = {annotation("nvidia.com/gpu=3,amd.com/gpu=7")}}), "nothing");
  EXPECT_EQ(hooked({.env = {"NVIDIA_VISIBLE_DEVICES=1"},
                    .annotations = {annotation("nvidia.com/gpu=3")}}),
            "1 for compute,utility");
}

TEST(Hook, LeavesAContainerAloneThatGpuHookHasEdited) {
  EXPECT_EQ(hooked({.env = {"NVIDIA_VISIBLE_DEVICES=1"},
                    .annotations = {{.key = "io.gpuhook.injected", .value = "550.54.15"}}}),
            "nothing");
}

TEST(BothDeciders, KeepTheContractAndThePolicy) {
  const std::string devices = "NVIDIA_VISIBLE_DEVICES=";
  const std::vector<std::string> privileged{"CAP_CHOWN", "CAP_SYS_ADMIN"};
  const Config video{.supported_capabilities = {Capability::kVideo}};
  const Config imex{.features_when_unprivileged = {Feature::kImex, Feature::kGds}};
  struct {
    std::string_view name;
    ContainerSpec spec;
    Config config;
    std::string_view expected;
  } const rows[] = {
      {"nothing", {.env = {"PATH=/bin"}}, {}, "nothing"},
      {"void", {.env = {devices + "void"}}, {}, "nothing"},
      {"none", {.env = {devices + "none"}}, {}, "no GPU for compute,utility"},
      {"all", {.env = {devices + "all"}}, {}, "all for compute,utility"},
      {"last variable", {.env = {devices + "0", devices + "1"}}, {}, "1 for compute,utility"},
      {"CDI name", {.env = {devices + "nvidia.com/gpu=1"}}, {}, "1 for compute,utility"},
      {"wrong name",
       {.env = {devices + "x"}},
       {},
       "bad-input: reading NVIDIA_VISIBLE_DEVICES: not a device name: \"x\"; use all, an index, "
       "GPU-<uuid>, a PCI address, <gpu>:<mig> or MIG-<uuid>; `gpu-hook info` lists them"},
      {"capabilities",
       {.env = {devices + "0", "NVIDIA_DRIVER_CAPABILITIES=video,ngx"}},
       {},
       "0 for ngx,video"},
      {"supported capabilities",
       {.env = {devices + "0", "NVIDIA_DRIVER_CAPABILITIES=all"}},
       video,
       "0 for video"},
      {"forbidden capability",
       {.env = {devices + "0", "NVIDIA_DRIVER_CAPABILITIES=compute"}},
       video,
       "refused: driver capability \"compute\" is disabled on this host; allowed: video"},
      {"requirements",
       {.env = {devices + "0", "NVIDIA_REQUIRE_CUDA=cuda>=12.2"}},
       {},
       "0 for compute,utility needs cuda>=12.2"},
      {"requirements disabled by the image",
       {.env = {devices + "0", "NVIDIA_REQUIRE_CUDA=cuda>=12.2", "NVIDIA_DISABLE_REQUIRE=1"}},
       {},
       "0 for compute,utility"},
      {"requirements disabled by the host",
       {.env = {devices + "0", "NVIDIA_REQUIRE_CUDA=cuda>=12.2"}},
       {.disable_require = true},
       "0 for compute,utility"},
      {"legacy image",
       {.env = {"CUDA_VERSION=11.4"}},
       {},
       "all for compute,compat32,display,graphics,ngx,utility,video needs cuda>=11.4"},
      {"variable without privileges",
       {.env = {devices + "0"}},
       kUntrusting,
       "nothing; note: NVIDIA_VISIBLE_DEVICES"},
      {"variable with privileges",
       {.env = {devices + "0"}, .bounding = privileged},
       kUntrusting,
       "0 for compute,utility"},
      {"swarm resource",
       {.env = {devices + "0", "DOCKER_RESOURCE_GPU=1"}},
       {.swarm_resources = {"DOCKER_RESOURCE_GPU"}},
       "1 for compute,utility"},
      {"mounts", {.mounts = {device_mount("1")}}, kMounts, "1 for compute,utility"},
      {"mounts that do not count",
       {.env = {devices + "0"}, .mounts = {device_mount("1")}},
       {},
       "0 for compute,utility; note: mounts below /var/run/nvidia-container-devices"},
      {"feature without privileges",
       {.env = {devices + "0", "NVIDIA_GDS=enabled"}},
       {},
       "0 for compute,utility; note: NVIDIA_GDS"},
      {"feature with privileges",
       {.env = {devices + "0", "NVIDIA_GDS=enabled"}, .bounding = privileged},
       {},
       "0 for compute,utility with gds"},
      {"feature that the host trusts",
       {.env = {devices + "0", "NVIDIA_GDS=enabled", "NVIDIA_MOFED=enabled"}},
       imex,
       "0 for compute,utility with gds; note: NVIDIA_MOFED"},
      {"channels without privileges",
       {.env = {devices + "0", "NVIDIA_IMEX_CHANNELS=1,0"}},
       {},
       "0 for compute,utility; note: NVIDIA_IMEX_CHANNELS"},
      {"channels that the host trusts",
       {.env = {devices + "0", "NVIDIA_IMEX_CHANNELS=1,0"}},
       imex,
       "0 for compute,utility imex 0,1"},
      {"channels that the host gives nobody",
       {.env = {devices + "0", "NVIDIA_IMEX_CHANNELS=1,0"}, .bounding = privileged},
       {.ignore_imex_channels = true},
       "0 for compute,utility; note: NVIDIA_IMEX_CHANNELS"},
      {"right over MIG without privileges",
       {.env = {devices + "0", "NVIDIA_MIG_CONFIG_DEVICES=all"}},
       {},
       "refused: NVIDIA_MIG_CONFIG_DEVICES is set in a container without CAP_SYS_ADMIN; run the "
       "container privileged, or unset the variable"},
      {"rights over MIG with privileges",
       {.env = {devices + "0", "NVIDIA_MIG_CONFIG_DEVICES=all", "NVIDIA_MIG_MONITOR_DEVICES=all"},
        .bounding = privileged},
       {},
       "0 for compute,utility mig-config mig-monitor"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(edited(row.spec, row.config), row.expected) << row.name;
    EXPECT_EQ(hooked(row.spec, row.config), row.expected) << row.name;
  }
}

TEST(SpecEditor, KeepsTheContractForAnnotatedDevices) {
  const std::vector<std::string> asks{"NVIDIA_DRIVER_CAPABILITIES=utility",
                                      "NVIDIA_REQUIRE_CUDA=cuda>=12.2", "NVIDIA_GDS=enabled"};
  const std::vector<Annotation> annotations{annotation("nvidia.com/gpu=0")};
  EXPECT_EQ(edited({.env = asks, .annotations = annotations}),
            "0 for utility needs cuda>=12.2; note: NVIDIA_GDS");
  EXPECT_EQ(edited({.env = asks, .annotations = annotations},
                   {.supported_capabilities = {Capability::kVideo}}),
            "refused: driver capability \"utility\" is disabled on this host; allowed: video");
  EXPECT_THAT(edited({.env = {"NVIDIA_MIG_CONFIG_DEVICES=all"}, .annotations = annotations}),
              StartsWith("refused: NVIDIA_MIG_CONFIG_DEVICES is set in a container without"));
}

TEST(BothDeciders, AgreeOnEveryEnginesConfigurationWithoutTheDriver) {
  std::size_t agreed = 0;
  for (const std::string& file : captured_configs()) {
    const ContainerSpec spec = value_of(parse_container_spec(captured(file)));
    if (edited(spec) == "nothing") continue;
    EXPECT_EQ(edited(spec), hooked(spec)) << file;
    ++agreed;
  }
  EXPECT_GT(agreed, 0U);
}

TEST(MayConcernUs, ReadsAnnotationsForASpecEditorOnly) {
  struct {
    std::string_view name;
    std::vector<Annotation> annotations;
    bool expected;
  } const rows[] = {
      {"none", {}, false},
      {"of other things", {{.key = "a", .value = "b"}}, false},
      {"another vendor's", {annotation("amd.com/gpu=0")}, false},
      {"another class", {annotation("nvidia.com/nvme=0")}, false},
      {"name in the key", {{.key = "nvidia.com/gpu=0", .value = "x"}}, false},
      {"ours", {annotation("nvidia.com/gpu=0")}, true},
      {"of the device plugin", {annotation("k8s.device-plugin.nvidia.com/gpu=0")}, true},
      {"behind others", {{.key = "a", .value = "b"}, annotation("x,nvidia.com/gpu=0")}, true},
      {"with a key that only the configuration knows",
       {{.key = "our.org/gpus", .value = "nvidia.com/gpu=0"}},
       true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(may_concern_us({.annotations = row.annotations}, Decider::kSpecEditor), row.expected)
        << row.name;
    EXPECT_FALSE(may_concern_us({.annotations = row.annotations}, Decider::kHook)) << row.name;
  }
}

TEST(MayConcernUs, ReadsVariablesAndMountsForBothDeciders) {
  struct {
    std::string_view name;
    ContainerSpec spec;
    bool expected;
  } const rows[] = {
      {"nothing", {.env = {"PATH=/bin"}}, false},
      {"variable", {.env = {"NVIDIA_VISIBLE_DEVICES=all"}}, true},
      {"legacy image", {.env = {"CUDA_VERSION=11.4"}}, true},
      {"swarm resource", {.env = {"DOCKER_RESOURCE_GPU=0"}}, true},
      {"mount", {.mounts = {device_mount("0")}}, true},
      {"channel", {.mounts = {device_mount("imex/0")}}, true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(may_concern_us(row.spec, Decider::kHook), row.expected) << row.name;
    EXPECT_EQ(may_concern_us(row.spec, Decider::kSpecEditor), row.expected) << row.name;
  }
}

// Where the configuration cannot be read, only containers start that do not concern us.
TEST(MayConcernUs, IsTrueForEveryConfigurationThatAsksASpecEditor) {
  for (const std::string& file : captured_configs()) {
    const ContainerSpec spec = value_of(parse_container_spec(captured(file)));
    EXPECT_TRUE(edited(spec) == "nothing" || may_concern_us(spec, Decider::kSpecEditor)) << file;
  }
}

}  // namespace
}  // namespace gpuhook
