// SPDX-License-Identifier: Apache-2.0
// The second half of an injection: what a specification cannot express, and texts for the mount
// points that a runtime has made.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "apply/stubs.h"
#include "base/text.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kLibrary = "/usr/lib64/libcuda.so.580.1";
constexpr std::string_view kStub = "/* GNU ld script";

class CompletePlan : public ApplyTest {
 protected:
  // As a runtime makes them: empty files.
  void make_mount_points() {
    image.write(kLibrary, "");
    image.write("/run/nvidia-persistenced/socket", "");
  }
  [[nodiscard]] HostPath rootfs() const { return image.root(); }
  [[nodiscard]] std::string on_disk(std::string_view path) const {
    std::ifstream file(image.host_path(path));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] InjectionPlan whole() const {
    return host.plan({required(bind_gpu()), required(bind_cuda()), required(bind_persistenced()),
                      required(link_cuda()), required(mask_proc()), required(update_cache())});
  }
};

TEST_F(CompletePlan, CarriesOutLinksTreesAndTheCacheOnly) {
  make_mount_points();
  const FakeContainer container(image);
  const Result<Report> report = complete_plan(whole(), container.target(), rootfs(), Config());
  ASSERT_EQ(error_line(report), "");
  EXPECT_EQ(report->outcomes.size(), 3U);
  EXPECT_EQ(container.mount_options(kLibrary), "");
  EXPECT_EQ(container.mount_options("/dev/nvidia0"), "");
  EXPECT_NE(container.mount_options("/proc/driver/nvidia"), "");
  struct stat link {};
  EXPECT_EQ(lstat(container.seen("/usr/lib64/libcuda.so.1").c_str(), &link), 0);
  EXPECT_TRUE(S_ISLNK(link.st_mode));
  EXPECT_THAT(container.text("/etc/ld.so.cache"), HasSubstr("libcuda.so.1"));
}

TEST_F(CompletePlan, GivesEmptyMountPointsTheirText) {
  make_mount_points();
  apply::fill_stubs(whole(), rootfs());
  EXPECT_THAT(on_disk(kLibrary), StartsWith(kStub));
  // A socket's is nothing that ldconfig looks at.
  EXPECT_THAT(on_disk("/run/nvidia-persistenced/socket"), IsEmpty());
}

TEST_F(CompletePlan, LeavesFilesOfTheImageAsTheyAre) {
  image.write(kLibrary, "the image's own");
  apply::fill_stubs(whole(), rootfs());
  EXPECT_EQ(on_disk(kLibrary), "the image's own");
}

TEST_F(CompletePlan, WritesToNoFileOfTwoNames) {
  image.write("/root/empty", "");
  ASSERT_EQ(::link(image.host_path("/root/empty").c_str(), image.host_path(kLibrary).c_str()), 0);
  apply::fill_stubs(whole(), rootfs());
  EXPECT_THAT(on_disk("/root/empty"), IsEmpty());
}

TEST_F(CompletePlan, MakesNoFile) {
  apply::fill_stubs(whole(), rootfs());
  EXPECT_NE(access(image.host_path(kLibrary).c_str(), F_OK), 0);
}

TEST_F(CompletePlan, LeavesConfigurationFilesEmpty) {
  image.write("/etc/OpenCL/vendors/nvidia.icd", "");
  const InjectionPlan plan = host.plan(
      {required(BindFile{.source = HostPath::literal("/etc/OpenCL/vendors/nvidia.icd"),
                         .target = ContainerPath::literal("/etc/OpenCL/vendors/nvidia.icd")})});
  apply::fill_stubs(plan, rootfs());
  EXPECT_THAT(on_disk("/etc/OpenCL/vendors/nvidia.icd"), IsEmpty());
}

TEST_F(CompletePlan, FollowsLinksOfTheImageInsideOfItOnly) {
  host.canary.write("/victim", "");
  image.link(kLibrary, host.canary.host_path("/victim"));
  apply::fill_stubs(whole(), rootfs());
  std::ifstream victim(host.canary.host_path("/victim"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(victim), {}), "");
}

TEST_F(CompletePlan, WritesToNothingButRegularFiles) {
  image.fifo(kLibrary);
  apply::fill_stubs(whole(), rootfs());  // and does not wait for a reader
  struct stat status {};
  ASSERT_EQ(lstat(image.host_path(kLibrary).c_str(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
}

TEST_F(CompletePlan, WritesToNothingThatIsMountedThere) {
  host.canary.write("/volume", "");
  image.write(kLibrary, "");
  const std::string place = image.host_path(kLibrary);
  bind_mount(host.canary.host_path("/volume"), place);
  apply::fill_stubs(whole(), rootfs());
  std::ifstream volume(host.canary.host_path("/volume"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(volume), {}), "");
  unmount(place);
}

TEST_F(CompletePlan, IsNoErrorWhereTheRootDirectoryIsGone) {
  apply::fill_stubs(whole(), HostPath::literal("/nowhere/at/all"));
}

TEST_F(CompletePlan, FindsTheNodesThatAContainerHas) {
  const FakeContainer container(image);
  Inventory inventory;
  inventory.gpus.push_back({.index = 0, .node = {HostPath::literal("/dev/nvidia0"), kNull}});
  inventory.gpus.push_back({.index = 1, .node = {HostPath::literal("/dev/nvidia1"), kZero}});
  EXPECT_THAT(device_nodes_in(container.target(), inventory), IsEmpty());
  const InjectionPlan plan = host.plan({required(bind_gpu())});
  ASSERT_EQ(error_line(apply(plan, container)), "");
  EXPECT_EQ(device_nodes_in(container.target(), inventory), std::vector<DeviceNumber>{kNull});
  inventory.gpus[0].node.number = kFull;
  EXPECT_THAT(device_nodes_in(container.target(), inventory), IsEmpty());
}

}  // namespace
}  // namespace gpuhook::testing
