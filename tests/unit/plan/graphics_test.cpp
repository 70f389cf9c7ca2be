// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/rules.h"
#include "support/printers.h"
#include "support/sample.h"

namespace gpuhook::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::sample_inventory;
using enum Capability;

const Request kDrawing{.capabilities = {kGraphics}};

// GPU 0 has minor 3, GPU 1 has minor 1.
std::string profile_of(std::vector<std::uint32_t> gpus, const Inventory& host) {
  const auto ops = graphics_ops({.gpus = std::move(gpus)}, kDrawing, host, {});
  return std::get<MaskedTree>(ops.back().op).files.at(0).content;
}

TEST(GraphicsOps, LimitEglToTheMinorsOfTheSelectedGpus) {
  EXPECT_EQ(profile_of({0}, sample_inventory()),
            "{\n"
            "  \"profiles\": [\n"
            "    {\"name\": \"_container_\", \"settings\": [\"EGLVisibleDGPUDevices\", 0x8]}\n"
            "  ],\n"
            "  \"rules\": [\n"
            "    {\"pattern\": [], \"profile\": \"_container_\"}\n"
            "  ]\n"
            "}\n");
  EXPECT_THAT(profile_of({1}, sample_inventory()), HasSubstr("0x2]"));
  EXPECT_THAT(profile_of({0, 1}, sample_inventory()), HasSubstr("0xa]"));
}

TEST(GraphicsOps, KnowBitsForMinorsBelow64) {
  Inventory host = sample_inventory();
  host.gpus[0].minor = 63;
  EXPECT_THAT(profile_of({0}, host), HasSubstr("0x8000000000000000]"));
  host.gpus[0].minor = 64;
  EXPECT_THAT(profile_of({0}, host), HasSubstr("0x0]"));
}

TEST(GraphicsOps, MakeTheProfileWhereTheDriverReadsIt) {
  const auto ops = graphics_ops({.gpus = {0}}, kDrawing, sample_inventory(), {});
  ASSERT_EQ(ops.size(), 1U);
  const auto& tree = std::get<MaskedTree>(ops[0].op);
  EXPECT_EQ(tree.target.text(), "/etc/nvidia/nvidia-application-profiles-rc.d");
  EXPECT_EQ(tree.files.at(0).path, "10-container.conf");
  EXPECT_TRUE(tree.create);
  EXPECT_EQ(ops[0].necessity, Necessity::kOptional);
}

TEST(GraphicsOps, LinkTheSelectedGpusNodesByPath) {
  Inventory host = sample_inventory();
  host.gpus[0].drm = {
      {.node = {HostPath::literal("/dev/dri/card1"), {226, 1}}, .role = "card"},
      {.node = {HostPath::literal("/dev/dri/renderD128"), {226, 128}}, .role = "render"}};
  host.gpus[1].drm = host.gpus[0].drm;
  const auto ops = graphics_ops({.gpus = {0}}, kDrawing, host, {});
  ASSERT_EQ(ops.size(), 3U);
  EXPECT_EQ(ops[0],
            (PlannedOp{MakeLink{ContainerPath::literal("/dev/dri/by-path/pci-0000:0a:00.0-card"),
                                "../card1", std::nullopt},
                       Necessity::kOptional, "card node of GPU 0 by path"}));
  EXPECT_EQ(target_of(ops[1].op)->text(), "/dev/dri/by-path/pci-0000:0a:00.0-render");
}

TEST(GraphicsOps, MakeNoLinksToNodesThatAreLeftOut) {
  Inventory host = sample_inventory();
  host.gpus[0].drm = {{.node = {HostPath::literal("/dev/dri/card1"), {226, 1}}, .role = "card"}};
  EXPECT_EQ(
      graphics_ops({.gpus = {0}}, kDrawing, host, {.leave_out = {Omission::kDeviceNodes}}).size(),
      1U);
}

TEST(GraphicsOps, AreNoneForWhoDrawsNothingOrHasNoGpu) {
  EXPECT_THAT(graphics_ops({.gpus = {0}}, {.capabilities = {kCompute, kUtility, kVideo, kNgx}},
                           sample_inventory(), {}),
              IsEmpty());
  EXPECT_THAT(graphics_ops({}, kDrawing, sample_inventory(), {}), IsEmpty());
}

// --- files ---

const Container kDebian{.libraries = LibraryConvention::kMultiarch,
                        .libraries32 = Compat32Convention::kMultiarch};
const Container kFedora{.libraries = LibraryConvention::kLib64,
                        .libraries32 = Compat32Convention::kLib};

Inventory drawing_host() {
  Inventory host = sample_inventory();
  DriverFile small = testing::library("libGLX_nvidia", "libGLX_nvidia.so.0", {kGraphics});
  small.compat32 = true;
  host.files = {
      testing::library("libGLX_nvidia", "libGLX_nvidia.so.0", {kGraphics}),
      testing::library("libnvidia-allocator", "libnvidia-allocator.so.1", {kCompute, kGraphics}),
      small,
      {.kind = DriverFileKind::kData,
       .path = HostPath::literal("/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json"),
       .soname = "/etc/vulkan/icd.d/nvidia_icd.json",
       .capabilities = {kGraphics}},
      {.kind = DriverFileKind::kXorgModule,
       .path = HostPath::literal("/usr/lib/nvidia/current/libglxserver_nvidia.so.550.54.15"),
       .soname = "extensions/libglxserver_nvidia.so.550.54.15",
       .capabilities = {kGraphics}}};
  return host;
}

std::vector<std::string> files(const Request& request, const Container& image) {
  std::vector<std::string> found;
  for (const PlannedOp& op : file_ops(request, drawing_host(), image))
    found.push_back(target_of(op.op)->text());
  return found;
}

std::vector<std::string> links(const Request& request, const Container& image) {
  std::vector<std::string> found;
  for (const PlannedOp& op : link_ops(request, drawing_host(), image)) {
    const auto& link = std::get<MakeLink>(op.op);
    found.push_back(link.target.text() + " -> " + link.points_to);
  }
  return found;
}

TEST(FileOps, PutDataAndModulesWhereImagesLook) {
  EXPECT_THAT(
      files(kDrawing, kFedora),
      ::testing::ElementsAre(
          "/usr/lib64/libGLX_nvidia.so.550.54.15", "/usr/lib64/libnvidia-allocator.so.550.54.15",
          "/etc/vulkan/icd.d/nvidia_icd.json",
          "/usr/lib64/xorg/modules/extensions/libglxserver_nvidia.so.550.54.15"));
  EXPECT_EQ(files(kDrawing, kDebian).back(),
            "/usr/lib/xorg/modules/extensions/libglxserver_nvidia.so.550.54.15");
}

TEST(FileOps, Put32BitLibrariesIntoTheDirectoryOfTheImagesKind) {
  const Request both{.capabilities = {kGraphics, kCompat32}};
  struct {
    std::optional<Compat32Convention> convention;
    std::string expected;
  } const rows[] = {
      {Compat32Convention::kMultiarch, "/usr/lib/i386-linux-gnu/libGLX_nvidia.so.550.54.15"},
      {Compat32Convention::kLib32, "/usr/lib32/libGLX_nvidia.so.550.54.15"},
      {Compat32Convention::kLib, "/usr/lib/libGLX_nvidia.so.550.54.15"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(files(both, {.libraries32 = row.convention}), ::testing::Contains(row.expected));
  }
}

TEST(FileOps, LeaveOut32BitLibrariesThatNobodyAskedForOrThatHaveNoPlace) {
  EXPECT_THAT(files(kDrawing, kFedora),
              ::testing::Not(::testing::Contains(HasSubstr("/usr/lib/l"))));
  EXPECT_THAT(files({.capabilities = {kGraphics, kCompat32}}, {}), ::testing::SizeIs(4));
  EXPECT_THAT(files({.capabilities = {kCompat32}}, kFedora), IsEmpty());
}

TEST(FileOps, PutNo32BitLibrariesWhereMuslWouldFindThem) {
  const Container alpine{.libraries32 = Compat32Convention::kLib, .loader = Loader::kMusl};
  EXPECT_THAT(files({.capabilities = {kGraphics, kCompat32}}, alpine), ::testing::SizeIs(4));
}

TEST(LinkOps, MakeTheNamesThatGraphicsLoadersOpen) {
  EXPECT_THAT(links(kDrawing, kFedora),
              ::testing::ElementsAre(
                  "/usr/lib64/libGLX_nvidia.so.0 -> libGLX_nvidia.so.550.54.15",
                  "/usr/lib64/libGLX_indirect.so.0 -> libGLX_nvidia.so.550.54.15",
                  "/usr/lib64/libnvidia-allocator.so.1 -> libnvidia-allocator.so.550.54.15",
                  "/usr/lib64/gbm/nvidia-drm_gbm.so -> ../libnvidia-allocator.so.1",
                  "/usr/lib64/xorg/modules/extensions/libglxserver_nvidia.so -> "
                  "libglxserver_nvidia.so.550.54.15"));
}

TEST(LinkOps, MakeNoGbmBackendForWhoComputesOnly) {
  EXPECT_THAT(links({.capabilities = {kCompute}}, kFedora),
              ::testing::ElementsAre(
                  "/usr/lib64/libnvidia-allocator.so.1 -> libnvidia-allocator.so.550.54.15"));
}

}  // namespace
}  // namespace gpuhook::plan
