// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "gpuhook/plan.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using testing::library;
using ::testing::Not;
using testing::sample_inventory;
using ::testing::StartsWith;
using testing::value_of;
using enum Capability;

const Container kFedora{.libraries = LibraryConvention::kLib64, .loader = Loader::kGlibc};

Request usual() { return {.devices = {GpuIndex{0}}}; }

void remove_file(Inventory& host, std::string_view name) {
  std::erase_if(host.files, [name](const DriverFile& file) { return file.path.name() == name; });
}

void remove_node(Inventory& host, std::string_view name) {
  std::erase_if(host.control_nodes,
                [name](const DeviceNode& node) { return node.path.name() == name; });
}

TEST(MakePlan, PutsRulesBeforeNodesFilesLinksProcAndCache) {
  const InjectionPlan plan = value_of(make_plan(usual(), sample_inventory(), kFedora));
  std::vector<std::string_view> kinds;
  for (const PlannedOp& op : plan.ops) {
    if (kinds.empty() || kinds.back() != kind_of(op.op)) kinds.push_back(kind_of(op.op));
  }
  EXPECT_THAT(kinds, ElementsAre("allow-device", "bind-device", "bind-file", "bind-socket",
                                 "make-link", "masked-tree", "update-loader-cache"));
}

TEST(MakePlan, NamesRootsDriverAndGpus) {
  Inventory host = sample_inventory();
  host.driver_root = HostPath::literal("/run/nvidia/driver");
  host.device_root = HostPath::literal("/run/nvidia/devices");
  const InjectionPlan plan = value_of(make_plan({.devices = {AllDevices{}}}, host, kFedora));
  EXPECT_EQ(plan.driver_root, host.driver_root);
  EXPECT_EQ(plan.device_root, host.device_root);
  EXPECT_EQ(plan.driver, host.driver);
  EXPECT_THAT(plan.gpus, ElementsAre(0, 1));
}

TEST(MakePlan, GivesEqualPlansForEqualArguments) {
  const Request everything{.devices = {AllDevices{}}, .capabilities = CapabilitySet::all()};
  EXPECT_EQ(value_of(make_plan(everything, sample_inventory(), kFedora)),
            value_of(make_plan(everything, sample_inventory(), kFedora)));
}

TEST(MakePlan, GivesDriverFilesWithoutAGpuForNone) {
  const InjectionPlan plan = value_of(make_plan({.devices = {}}, sample_inventory(), kFedora));
  EXPECT_THAT(plan.gpus, IsEmpty());
  for (const PlannedOp& op : plan.ops) {
    const ContainerPath* const target = target_of(op.op);
    if (target != nullptr) {
      EXPECT_NE(target->text(), "/dev/nvidia3");
    }
  }
  EXPECT_THAT(plan.ops, Not(IsEmpty()));
}

TEST(MakePlan, RefusesAHostWithoutControlNode) {
  Inventory host = sample_inventory();
  remove_node(host, "nvidiactl");
  EXPECT_EQ(
      error_of(make_plan(usual(), host, kFedora)),
      "planning: the host has no usable \"/dev/nvidiactl\"; create it with `nvidia-modprobe` or by "
      "running nvidia-smi on the host once");
  EXPECT_EQ(error_kind(make_plan(usual(), host, kFedora)), "no-driver");
}

TEST(MakePlan, RefusesComputeAndVideoWithoutTheNodeOfCuda) {
  Inventory host = sample_inventory();
  remove_node(host, "nvidia-uvm");
  for (const Capability capability : {kCompute, kVideo}) {
    EXPECT_EQ(error_of(make_plan({.devices = {}, .capabilities = {capability}}, host, kFedora)),
              "planning: the host has no usable \"/dev/nvidia-uvm\", without which CUDA does not "
              "start; run "
              "`nvidia-modprobe -u -c 0` on the host, or leave compute and video out of "
              "NVIDIA_DRIVER_CAPABILITIES");
  }
  EXPECT_TRUE(make_plan({.devices = {}, .capabilities = {kUtility}}, host, kFedora));
}

TEST(MakePlan, RefusesComputeAndVideoWithoutLibcuda) {
  Inventory host = sample_inventory();
  host.driver_root = HostPath::literal("/drv");
  remove_file(host, "libcuda.so.550.54.15");
  for (const Capability capability : {kCompute, kVideo}) {
    EXPECT_EQ(
        error_of(make_plan({.devices = {}, .capabilities = {capability}}, host, kFedora)),
        "planning: capability compute needs libcuda.so.550.54.15, which the driver root \"/drv\" "
        "lacks; "
        "install the complete driver, or leave the capability out of NVIDIA_DRIVER_CAPABILITIES");
  }
  EXPECT_TRUE(make_plan({.devices = {}, .capabilities = {kUtility}}, host, kFedora));
}

TEST(MakePlan, RefusesUtilityWithoutLibnvidiaMl) {
  Inventory host = sample_inventory();
  remove_file(host, "libnvidia-ml.so.550.54.15");
  EXPECT_EQ(error_kind(make_plan({.devices = {}, .capabilities = {kUtility}}, host, kFedora)),
            "no-driver");
  EXPECT_THAT(error_of(make_plan({.devices = {}, .capabilities = {kUtility}}, host, kFedora)),
              StartsWith("planning: capability utility needs libnvidia-ml.so.550.54.15, which"));
  EXPECT_TRUE(make_plan({.devices = {}, .capabilities = {kCompute}}, host, kFedora));
}

TEST(MakePlan, RefusesAnUnmetRequirement) {
  const Request request{.devices = {}, .requirements = {"cuda>=12", "cuda>=12.5"}};
  EXPECT_EQ(error_of(make_plan(request, sample_inventory(), kFedora)),
            "planning: checking the image's requirements: unsatisfied condition: needed "
            "\"cuda>=12.5\", found "
            "cuda 12.4 driver 550.54.15; update the driver, use an older image, or set "
            "NVIDIA_DISABLE_REQUIRE=true to start all the same");
  EXPECT_EQ(error_kind(make_plan(request, sample_inventory(), kFedora)), "unmet-requirement");
}

TEST(MakePlan, RefusesAMalformedRequirement) {
  EXPECT_EQ(
      error_kind(make_plan({.devices = {}, .requirements = {"cuda"}}, sample_inventory(), kFedora)),
      "bad-input");
}

TEST(MakePlan, RefusesAnUnknownDevice) {
  EXPECT_EQ(error_kind(make_plan({.devices = {GpuIndex{9}}}, sample_inventory(), kFedora)),
            "not-found");
}

TEST(MakePlan, NotesWhatTheHostLacks) {
  EXPECT_THAT(value_of(make_plan(usual(), sample_inventory(), kFedora)).notes,
              Contains(Note{"libnvidia-nscq", "no libnvidia-nscq.so.550.54.15 in /usr/lib64"}));
}

TEST(MakePlan, NotesWhatWasNotAskedFor) {
  const auto notes = value_of(make_plan(usual(), sample_inventory(), kFedora)).notes;
  EXPECT_THAT(notes,
              Contains(Note{"libnvidia-encode.so.550.54.15", "not asked for, belongs to video"}));
  EXPECT_THAT(notes,
              Contains(Note{"libnvidia-unknown.so.550.54.15", "not asked for, belongs to all"}));
}

TEST(MakePlan, NotesThatAnImageWithoutGlibcCannotUseTheDriver) {
  const Container alpine{.libraries = LibraryConvention::kLib64, .loader = Loader::kMusl};
  const InjectionPlan plan = value_of(make_plan(usual(), sample_inventory(), alpine));
  EXPECT_THAT(plan.notes,
              Contains(Note{"/etc/ld.so.cache",
                            "the image has no glibc loader: the driver's programs and libraries do "
                            "not run in it"}));
  EXPECT_NE(kind_of(plan.ops.back().op), "update-loader-cache");
}

TEST(MakePlan, NotesThatTheHostHasNoGpu) {
  Inventory host = sample_inventory();
  host.gpus.clear();
  EXPECT_THAT(value_of(make_plan({.devices = {AllDevices{}}}, host, kFedora)).notes,
              Contains(Note{"GPUs", "all were asked for and the host has none"}));
}

// Two libraries of one directory, of which one claims the other's file name as its SONAME.
TEST(MakePlan, PlansAroundASonameThatIsAnotherLibrarysFile) {
  Inventory host = sample_inventory();
  host.files.push_back(library("libnvidia-odd", "libcuda.so.550.54.15", {kCompute}));
  EXPECT_EQ(error_of(make_plan(usual(), host, kFedora)), "no error");
}

// --- what only the driver library knows ---

TEST(NeedsDriverLibrary, IsTrueForMigUuidsAndConditionsAboutGpus) {
  const Inventory host = sample_inventory();
  EXPECT_TRUE(needs_driver_library({.devices = {GpuIndex{0}, MigUuid{"MIG-x"}}}, host));
  EXPECT_TRUE(needs_driver_library({.requirements = {"cuda>=12", "arch>=8.0"}}, host));
  EXPECT_FALSE(needs_driver_library({.devices = {AllDevices{}, MigIndex{1, 0}}}, host));
  EXPECT_FALSE(needs_driver_library({.requirements = {"cuda>=12.4 brand=tesla"}}, host));
}

TEST(NeedsDriverLibrary, IsFalseOnceItHasAnswered) {
  Inventory host = sample_inventory();
  host.unanswered.clear();
  EXPECT_FALSE(
      needs_driver_library({.devices = {MigUuid{"MIG-x"}}, .requirements = {"arch>=8.0"}}, host));
}

TEST(MakePlan, HoldsRequirementsAgainstEachSelectedGpu) {
  Inventory host = sample_inventory();
  host.gpus[0].architecture = "9.0";
  host.gpus[1].architecture = "8.0";
  const auto planned = [&host](std::vector<DeviceSelector> devices) {
    return make_plan({.devices = std::move(devices), .requirements = {"arch>=9.0"}}, host, kFedora);
  };
  EXPECT_TRUE(planned({GpuIndex{0}}));
  EXPECT_TRUE(planned({}));  // without a GPU nothing is known that could be wrong
  const auto refused = planned({AllDevices{}});
  EXPECT_EQ(error_kind(refused), "unmet-requirement");
  EXPECT_THAT(error_of(refused),
              ::testing::HasSubstr("GPU 1: unsatisfied condition: needed \"arch>=9.0\", found cuda "
                                   "12.4 driver 550.54.15 arch 8.0"));
}

TEST(MakePlan, ComparesBrandsWithoutRegardToCase) {
  Inventory host = sample_inventory();
  host.gpus[0].brand = "Tesla";
  const Request request{.devices = {GpuIndex{0}}, .requirements = {"brand=tesla"}};
  EXPECT_TRUE(make_plan(request, host, kFedora));
  host.gpus[0].brand = "GeForce";
  EXPECT_FALSE(make_plan(request, host, kFedora));
}

TEST(MakePlan, RefusesRightsOverMigTogetherWithOneMigDevice) {
  Inventory host = sample_inventory();
  host.mig_config = DeviceNode{HostPath::literal("/dev/nvidia-caps/nvidia-cap1"), {240, 1}};
  const auto planned = [&host](DeviceSelector device) {
    return make_plan({.devices = {device}, .mig_config = true}, host, kFedora);
  };
  EXPECT_EQ(error_kind(planned(MigIndex{1, 0})), "bad-input");
  EXPECT_TRUE(planned(GpuIndex{1}));
}

TEST(MakePlan, NamesFeaturesThatTheHostHasNot) {
  const InjectionPlan plan =
      value_of(make_plan({.features = {Feature::kGds}}, sample_inventory(), kFedora));
  EXPECT_THAT(plan.notes,
              ::testing::Contains(Note{"gds", "the host has no device node of this feature"}));
}

TEST(MakePlan, TakesNo32BitLibcudaForTheOneThatComputeNeeds) {
  Inventory host = sample_inventory();
  host.files[0].compat32 = true;
  EXPECT_EQ(error_kind(make_plan({.capabilities = {kCompute, kCompat32}}, host, kFedora)),
            "no-driver");
}

TEST(MakePlan, BringsUnknownFilesWithAllThatTheAdministratorAllows) {
  Request request{.capabilities = {kCompute}, .everything = true};
  const auto has_unknown = [&request] {
    const InjectionPlan plan = value_of(make_plan(request, sample_inventory(), kFedora));
    return std::any_of(plan.ops.begin(), plan.ops.end(), [](const PlannedOp& op) {
      const ContainerPath* const target = target_of(op.op);
      return target != nullptr && target->name().starts_with("libnvidia-unknown.so.");
    });
  };
  EXPECT_TRUE(has_unknown());
  request.everything = false;
  EXPECT_FALSE(has_unknown());
}

TEST(MakePlan, SaysWhy32BitLibrariesAreNotThere) {
  Inventory host = sample_inventory();
  host.files[2].compat32 = true;
  const auto note = [&host](CapabilitySet capabilities) {
    const auto plan = value_of(
        make_plan({.capabilities = capabilities}, host, {.libraries = LibraryConvention::kLib64}));
    for (const Note& told : plan.notes)
      if (told.what == "libnvidia-encode.so.550.54.15") return told.reason;
    return std::string("nothing");
  };
  EXPECT_EQ(note({kVideo}), "not asked for, belongs to video with compat32");
  EXPECT_EQ(note({kVideo, kCompat32}), "32-bit, and the image has no directory for such libraries");
}

}  // namespace
}  // namespace gpuhook
