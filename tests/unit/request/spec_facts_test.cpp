// SPDX-License-Identifier: Apache-2.0
#include "request/spec_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/captured.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::request {
namespace {

using testing::captured;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::value_of;

const std::vector<std::string> kUsual{"cdi.k8s.io/"};

std::vector<std::string> names_in(const std::vector<Annotation>& annotations,
                                  const std::vector<std::string>& prefixes = kUsual) {
  return annotated_devices(annotations, prefixes).names;
}

TEST(AnnotatedDevices, AreTheNamesOfOurKindsInValues) {
  struct {
    std::string_view name, value;
    std::vector<std::string> expected;
  } const rows[] = {
      {"nothing", "", {}},
      {"one", "nvidia.com/gpu=0", {"nvidia.com/gpu=0"}},
      {"several in their order",
       "nvidia.com/gpu=1,nvidia.com/gpu=0",
       {"nvidia.com/gpu=1", "nvidia.com/gpu=0"}},
      {"blanks around",
       " nvidia.com/gpu=0 ,\tnvidia.com/gpu=1\n",
       {"nvidia.com/gpu=0", "nvidia.com/gpu=1"}},
      {"empty ones between",
       ",nvidia.com/gpu=0, ,,nvidia.com/gpu=1,",
       {"nvidia.com/gpu=0", "nvidia.com/gpu=1"}},
      {"repeated",
       "nvidia.com/gpu=0,nvidia.com/gpu=1,nvidia.com/gpu=0",
       {"nvidia.com/gpu=0", "nvidia.com/gpu=1"}},
      {"of the runtime", "runtime.nvidia.com/gpu=all", {"runtime.nvidia.com/gpu=all"}},
      {"of the device plugin",
       "k8s.device-plugin.nvidia.com/gpu=0",
       {"k8s.device-plugin.nvidia.com/gpu=0"}},
      {"without a device", "nvidia.com/gpu", {"nvidia.com/gpu"}},
      {"equals sign in the name", "nvidia.com/gpu=a=b/c", {"nvidia.com/gpu=a=b/c"}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(names_in({{.key = "cdi.k8s.io/a", .value = std::string(row.value)}}), row.expected)
        << row.name;
}

TEST(AnnotatedDevices, OfOtherKindsAreLeftToTheEngine) {
  for (const std::string name :
       {"amd.com/gpu=0", "vendor.com/net=eth0", "nvidia.com/nvme=0", "nvidia.com/gpus=0",
        "nvidia.com/mig=0", "xnvidia.com/gpu=0", "nvidia.com.evil.org/gpu=0", "NVIDIA.com/gpu=0",
        "nvidia.com/GPU=0", "gpu=0", "0", "all", "a/nvidia.com/gpu=0", "=nvidia.com/gpu"}) {
    const AnnotatedDevices found =
        annotated_devices(std::vector<Annotation>{{.key = "cdi.k8s.io/a", .value = name}}, kUsual);
    EXPECT_THAT(found.names, IsEmpty()) << name;
    EXPECT_THAT(
        found.others,
        ElementsAre(Note{.what = name,
                         .reason = "not a GPU, left to the engine; annotation \"cdi.k8s.io/a\""}));
  }
}

TEST(AnnotatedDevices, ComeInTheOrderOfKeys) {
  const AnnotatedDevices found = annotated_devices(
      std::vector<Annotation>{
          {.key = "cdi.k8s.io/b", .value = "nvidia.com/gpu=2,amd.com/gpu=2"},
          {.key = "cdi.k8s.io/a", .value = "nvidia.com/gpu=3,amd.com/gpu=3"},
          {.key = "cdi.k8s.io/c", .value = "nvidia.com/gpu=3,nvidia.com/gpu=1,amd.com/gpu=2"}},
      kUsual);
  EXPECT_THAT(found.names, ElementsAre("nvidia.com/gpu=3", "nvidia.com/gpu=2", "nvidia.com/gpu=1"));
  EXPECT_THAT(
      found.others,
      ElementsAre(Note{.what = "amd.com/gpu=3",
                       .reason = "not a GPU, left to the engine; annotation \"cdi.k8s.io/a\""},
                  Note{.what = "amd.com/gpu=2",
                       .reason = "not a GPU, left to the engine; annotation \"cdi.k8s.io/b\""}));
}

TEST(AnnotatedDevices, AreReadFromKeysWithAPrefixOnly) {
  const std::vector<Annotation> annotations{
      {.key = "a", .value = "nvidia.com/gpu=0"},
      {.key = "cdi.k8s.io", .value = "nvidia.com/gpu=1"},
      {.key = "cdi.k8s.io/", .value = "nvidia.com/gpu=2"},
      {.key = "our.org/gpu-1", .value = "nvidia.com/gpu=3,amd.com/gpu=0"},
      {.key = "x.cdi.k8s.io/a", .value = "nvidia.com/gpu=4"},
      {.key = "CDI.k8s.io/a", .value = "nvidia.com/gpu=5"}};
  EXPECT_THAT(names_in(annotations), ElementsAre("nvidia.com/gpu=2"));
  EXPECT_THAT(annotated_devices(annotations, kUsual).others, IsEmpty());
  EXPECT_THAT(names_in(annotations, {"our.org/", "x."}),
              ElementsAre("nvidia.com/gpu=3", "nvidia.com/gpu=4"));
  EXPECT_THAT(names_in(annotations, {}), IsEmpty());
}

const SpecDevice kControlNode{.path = "/dev/nvidiactl", .number = {195, 255}};
const SpecDevice kGpuNode{.path = "/dev/nvidia0", .number = {195, 0}};
const SpecMount kLibcuda{.source = "/usr/lib64/libcuda.so.550.54.15",
                         .destination = "/usr/lib64/libcuda.so.550.54.15"};

TEST(HasDriver, BelievesTheMark) {
  EXPECT_TRUE(has_driver({.annotations = {{.key = "a", .value = "b"},
                                          {.key = "io.gpuhook.injected", .value = "550.54.15"}}}));
  EXPECT_TRUE(has_driver({.annotations = {{.key = "io.gpuhook.injected", .value = ""}}}));
  for (const std::string key :
       {"io.gpuhook.injected2", "io.gpuhook", "xio.gpuhook.injected", "IO.gpuhook.injected"})
    EXPECT_FALSE(has_driver({.annotations = {{.key = key, .value = "550.54.15"}}})) << key;
}

TEST(HasDriver, SeesWhatAnEnginePutIn) {
  struct {
    std::string_view name;
    ContainerSpec spec;
    bool expected;
  } const rows[] = {
      {"nothing", {}, false},
      {"node and library", {.mounts = {kLibcuda}, .devices = {kControlNode}}, true},
      {"among others",
       {.mounts = {{.source = "proc", .destination = "/proc"}, kLibcuda},
        .devices = {kGpuNode, kControlNode}},
       true},
      {"nodes of a privileged container", {.devices = {kControlNode, kGpuNode}}, false},
      {"library bound by hand", {.mounts = {kLibcuda}}, false},
      {"library bound by hand beside a GPU", {.mounts = {kLibcuda}, .devices = {kGpuNode}}, false},
      {"node at another place",
       {.mounts = {kLibcuda}, .devices = {{.path = "/dev/x/nvidiactl", .number = {195, 255}}}},
       false},
  };
  for (const auto& row : rows) EXPECT_EQ(has_driver(row.spec), row.expected) << row.name;
}

TEST(HasDriver, KnowsTheDriversLibrariesByTheirVersion) {
  struct {
    std::string destination;
    bool expected;
  } const rows[] = {
      {"/usr/lib64/libcuda.so.550.54.15", true},
      {"/usr/lib64/libcuda.so.550.54", true},
      {"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.159.04", true},
      {"libcuda.so.550.54.15", true},
      {"/usr/lib64/libcuda.so.1", false},
      {"/usr/lib64/libcuda.so", false},
      {"/usr/lib64/libcuda.so.", false},
      {"/usr/lib64/libcuda.so.550.54.15.bak", false},
      {"/usr/lib64/libcuda.so.550.54.15/x", false},
      {"/usr/lib64/libnvidia-ml.so.1", false},
      {"/usr/lib64/libcudart.so.12.4.127", false},
      {"/usr/lib64/libnvidia-encode.so.550.54.15", false},
      {"/usr/lib64/xlibcuda.so.550.54.15", false},
      {"", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(has_driver({.mounts = {{.source = "/x", .destination = row.destination}},
                          .devices = {kControlNode}}),
              row.expected)
        << row.destination;
  }
}

TEST(HasDriver, AsksForTheDestinationOfTheLibraryNotItsSource) {
  EXPECT_FALSE(has_driver(
      {.mounts = {{.source = "/usr/lib64/libcuda.so.550.54.15", .destination = "/mnt/libcuda"}},
       .devices = {kControlNode}}));
}

// Engines resolved CDI names for these (podman 5.8 for --gpus, too), and for no others.
TEST(HasDriver, IsTrueForTheCapturedConfigurationsOfCdi) {
  std::vector<std::string> found;
  for (const std::string& file : testing::captured_configs()) {
    if (has_driver(value_of(parse_container_spec(captured(file)))))
      found.push_back(file.substr(0, file.rfind('/')));
  }
  EXPECT_THAT(
      found, ElementsAre("engines/containerd21-ctr-cdi", "engines/docker28-cdi-all",
                         "engines/podman43-crun-cdi-1", "engines/podman43-crun-cdi-all",
                         "engines/podman43-rootless-crun-v1-cdi-all",
                         "engines/podman43-rootless-crun-v2-cdi-all",
                         "engines/podman43-rootless-runc-cdi-all",
                         "engines/podman43-rootless-runc-v2-cdi-all", "engines/podman43-runc-cdi-1",
                         "engines/podman43-runc-cdi-all", "engines/podman43-runc-cdi-env-leak",
                         "engines/podman43-runc-v2-cdi-all", "engines/podman58-crun-cdi-all",
                         "engines/podman58-crun-gpus-all", "engines/podman58-crun-v2-cdi-all",
                         "engines/podman58-runc-cdi-all", "engines/podman58-runc-gpus-all",
                         "engines/podman58-runc-v2-cdi-all"));
}

}  // namespace
}  // namespace gpuhook::request
