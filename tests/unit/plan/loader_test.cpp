// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/rules.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook::plan {
namespace {

using ::testing::ElementsAre;
using testing::library;
using testing::sample_inventory;
using testing::value_of;
using enum Capability;

// The sample host has driver 550.54.15.
Container image_with(std::string_view version, std::vector<std::uint32_t> majors = {}) {
  return {.libraries = LibraryConvention::kLib64,
          .loader = Loader::kGlibc,
          .cuda_compat = CudaCompat{.version = value_of(DriverVersion::parse(version)),
                                    .names = {"libcuda.so.1", "libnvidia-nvvm.so.4"},
                                    .driver_majors = std::move(majors)}};
}

std::optional<CompatDecision> decide(const Container& image, const Request& request = {},
                                     const Config& config = {}) {
  return decide_cuda_compat(request, sample_inventory(), image, config);
}

bool is_preferred(const Container& image, const Request& request = {}, const Config& config = {}) {
  return decide(image, request, config)->preferred;
}

TEST(CudaCompat, IsNoQuestionForImagesWithout) { EXPECT_EQ(decide({}), std::nullopt); }

TEST(CudaCompat, PrefersLibrariesOfANewerBranch) {
  EXPECT_EQ(decide(image_with("570.86.15")),
            (CompatDecision{true, "driver 570.86.15 in the image, 550.54.15 on the host"}));
}

TEST(CudaCompat, PrefersNeitherTheSameBranchNorAnOlderOne) {
  EXPECT_EQ(decide(image_with("550.90.07")),
            (CompatDecision{false,
                            "not of a newer branch: driver 550.90.07 in the image, "
                            "550.54.15 on the host"}));
  EXPECT_FALSE(is_preferred(image_with("535.54.03")));
}

// As texts, "1000" comes before "550" and "60" after it.
TEST(CudaCompat, ComparesBranchesAsNumbers) {
  EXPECT_TRUE(is_preferred(image_with("1000.1")));
  EXPECT_FALSE(is_preferred(image_with("60.1")));
}

TEST(CudaCompat, BelievesTheNoteAboutModules) {
  EXPECT_TRUE(is_preferred(image_with("570.86.15", {535, 550})));
  EXPECT_EQ(decide(image_with("570.86.15", {535, 545})),
            (CompatDecision{false,
                            "not made for this module: driver 570.86.15 in the image, "
                            "550.54.15 on the host"}));
  EXPECT_TRUE(is_preferred(image_with("550.90.07", {550})));
  EXPECT_EQ(
      decide(image_with("550.54.14", {550})),
      (CompatDecision{false, "not newer: driver 550.54.14 in the image, 550.54.15 on the host"}));
  EXPECT_FALSE(is_preferred(image_with("550.54.15", {550})));
}

TEST(CudaCompat, IsForWhoAskedForCudaAndCanLoadIt) {
  const Container image = image_with("570.86.15");
  EXPECT_FALSE(is_preferred(image, {.capabilities = {kUtility, kGraphics}}));
  EXPECT_TRUE(is_preferred(image, {.capabilities = {kVideo}}));
  EXPECT_FALSE(is_preferred(image, {}, {.cuda_compat = false}));
  Container alpine = image;
  alpine.loader = Loader::kMusl;
  EXPECT_FALSE(is_preferred(alpine));
}

std::vector<std::string> entries(const Container& image, const Request& request,
                                 const Inventory& host = sample_inventory()) {
  std::vector<std::string> found;
  const std::vector<PlannedOp> ops = loader_ops(request, host, image, {});
  for (const LoaderEntry& entry : std::get<UpdateLoaderCache>(ops.at(0).op).entries)
    found.push_back(entry.soname + " " + entry.path.text() + (entry.compat32 ? " 32" : ""));
  return found;
}

TEST(LoaderOps, PutTheImagesLibrariesFirstAndMountNothingOutOfIt) {
  EXPECT_THAT(
      entries(image_with("570.86.15"), {.capabilities = {kCompute}}),
      ElementsAre("libcuda.so.1 /usr/local/cuda/compat/libcuda.so.1",
                  "libnvidia-nvvm.so.4 /usr/local/cuda/compat/libnvidia-nvvm.so.4",
                  "libcuda.so.1 /usr/lib64/libcuda.so.1", "libcuda.so /usr/lib64/libcuda.so"));
  const InjectionPlan plan = value_of(
      make_plan({.capabilities = {kCompute}}, sample_inventory(), image_with("570.86.15")));
  for (const PlannedOp& op : plan.ops) {
    if (const auto* const file = std::get_if<BindFile>(&op.op)) {
      EXPECT_THAT(file->source.text(), ::testing::Not(::testing::HasSubstr("compat")));
    }
  }
}

TEST(LoaderOps, ListNoImageLibraryThatIsNotPreferred) {
  EXPECT_THAT(
      entries(image_with("535.54.03"), {.capabilities = {kCompute}}),
      ElementsAre("libcuda.so.1 /usr/lib64/libcuda.so.1", "libcuda.so /usr/lib64/libcuda.so"));
}

TEST(LoaderOps, MarkLibrariesFor32BitPrograms) {
  Inventory host = sample_inventory();
  DriverFile small = library("libcuda", "libcuda.so.1", {kCompute});
  small.compat32 = true;
  host.files = {library("libcuda", "libcuda.so.1", {kCompute}), small};
  const Container fedora{.libraries = LibraryConvention::kLib64,
                         .libraries32 = Compat32Convention::kLib};
  EXPECT_THAT(
      entries(fedora, {.capabilities = {kCompute, kCompat32}}, host),
      ElementsAre("libcuda.so.1 /usr/lib64/libcuda.so.1", "libcuda.so /usr/lib64/libcuda.so",
                  "libcuda.so.1 /usr/lib/libcuda.so.1 32", "libcuda.so /usr/lib/libcuda.so 32"));
}

TEST(MakePlan, SaysWhoseCudaComesFirst) {
  const InjectionPlan preferring =
      value_of(make_plan({}, sample_inventory(), image_with("570.86.15")));
  EXPECT_EQ(preferring.ops.back().reason,
            "lets the image's loader find the libraries above, and before them the CUDA libraries "
            "of the image: driver 570.86.15 in the image, 550.54.15 on the host");
  const InjectionPlan other = value_of(make_plan({}, sample_inventory(), image_with("470.1")));
  EXPECT_THAT(other.notes, ::testing::Contains(
                               Note{"/usr/local/cuda/compat",
                                    "not preferred to the host's libraries: not of a newer "
                                    "branch: driver 470.1 in the image, 550.54.15 on the host"}));
}

}  // namespace
}  // namespace gpuhook::plan
