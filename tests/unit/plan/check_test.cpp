// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/plan.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_kind;
using testing::error_of;

ContainerPath inside(std::string_view path) { return ContainerPath::literal(path); }
HostPath outside(std::string_view path) { return HostPath::literal(path); }

BindFile file(std::string_view target) { return {outside("/source"), inside(target)}; }
BindSocket unix_socket(std::string_view target) { return {outside("/source"), inside(target)}; }
MakeLink link(std::string_view target, std::string points_to = "libx.so.1") {
  return {inside(target), std::move(points_to), outside("/source")};
}
BindDevice device(std::string_view target) {
  return {outside("/source"), inside(target), {195, 0}};
}

BindDirectory directory(std::string_view target, DirectoryUse use) {
  return {outside("/source"), inside(target), use};
}

// Every op, with the rule that devices need.
Status check(std::vector<Op> ops) {
  InjectionPlan plan;
  plan.ops.push_back({AllowDevice{{195, 0}}});
  for (Op& op : ops) plan.ops.push_back({std::move(op)});
  return check_plan(plan);
}

TEST(CheckPlan, AcceptsEachKindAtItsPlaces) {
  const Op good[] = {
      file("/usr/lib64/libcuda.so.550.54.15"),
      file("/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15"),
      file("/usr/lib/aarch64-linux-gnu/libcuda.so.550.54.15"),
      file("/usr/bin/nvidia-smi"),
      file("/lib/firmware/nvidia/550.54.15/gsp_ga10x.bin"),
      device("/dev/nvidia0"),
      device("/dev/nvidiactl"),
      file("/usr/lib/i386-linux-gnu/libcuda.so.550.54.15"),
      file("/usr/lib32/libcuda.so.550.54.15"),
      file("/usr/lib/libcuda.so.550.54.15"),
      file("/usr/share/glvnd/egl_vendor.d/10_nvidia.json"),
      file("/etc/vulkan/icd.d/nvidia_icd.json"),
      file("/usr/lib/xorg/modules/drivers/nvidia_drv.so"),
      file("/etc/cufile.json"),
      device("/dev/nvidia-caps/nvidia-cap12"),
      device("/dev/dri/renderD128"),
      device("/dev/nvidia-caps-imex-channels/channel0"),
      device("/dev/infiniband/uverbs0"),
      device("/dev/infiniband/rdma_cm"),
      device("/dev/gdrdrv"),
      directory("/run/udev", DirectoryUse::kRead),
      directory("/dev/nvidia-caps", DirectoryUse::kOpenDevices),
      directory("/tmp/nvidia-mps", DirectoryUse::kWrite),
      unix_socket("/run/nvidia-persistenced/socket"),
      link("/usr/lib64/libcuda.so.1"),
      link("/usr/lib64/gbm/nvidia-drm_gbm.so", "../libnvidia-allocator.so.1"),
      link("/dev/dri/by-path/pci-0000:0a:00.0-card", "../card1"),
      MaskedTree{inside("/proc/driver/nvidia"), {}},
      MaskedTree{inside("/proc/driver/nvidia/gpus"), {}},
      MaskedTree{inside("/etc/nvidia/nvidia-application-profiles-rc.d"), {}, true},
      UpdateLoaderCache{inside("/etc/ld.so.cache"), {}},
  };
  for (const Op& op : good) EXPECT_EQ(error_of(check({op})), "no error") << target_of(op)->text();
  EXPECT_TRUE(check_plan({}));
}

TEST(CheckPlan, RefusesEveryOtherPlace) {
  const Op bad[] = {
      file("/"),
      file("/usr/lib64"),
      file("/usr/lib64/vdpau/libx.so"),
      file("/lib64/libx.so"),
      file("/usr/bin"),
      file("/usr/bin/a/b"),
      file("/usr/sbin/nvidia-smi"),
      file("/bin/sh"),
      file("/etc/passwd"),
      file("/lib/firmware/nvidia"),
      file("/lib/firmware/nvidiaX/a"),
      file("/lib/firmware/other"),
      file("/dev/nvidia0"),
      device("/dev/sda"),
      device("/dev/mem"),
      device("/dev"),
      device("/nvidia0"),
      device("/dev/dri/nvidia0"),
      device("/dev/nvidia-caps/sda"),
      device("/dev/nvidia-caps/a/nvidia-cap1"),
      device("/usr/lib64/nvidia0"),
      unix_socket("/run/docker.sock"),
      unix_socket("/run/nvidia"),
      unix_socket("/tmp/nvidia-mps"),
      unix_socket("/var/run/nvidia-persistenced/socket"),
      link("/usr/bin/nvidia-smi"),
      link("/etc/libx.so.1"),
      link("/usr/lib64"),
      MaskedTree{inside("/proc"), {}},
      MaskedTree{inside("/proc/driver"), {}},
      MaskedTree{inside("/proc/driver/nvidia/capabilities"), {}},
      MaskedTree{inside("/etc/nvidia/nvidia-application-profiles-rc.d"), {}},
      MaskedTree{inside("/proc/driver/nvidia"), {}, true},
      MaskedTree{inside("/etc"), {}, true},
      device("/dev/dri/by-path"),
      device("/dev/infiniband/umad0"),
      device("/dev/nvidia-caps-imex-channels/nvidia0"),
      file("/usr/share/doc/x"),
      file("/etc/vulkan/icd.d/a/b.json"),
      file("/usr/lib/xorg/modules/nvidia_drv.so"),
      link("/dev/dri/card0"),
      link("/usr/share/gbm/nvidia-drm_gbm.so"),
      directory("/dev", DirectoryUse::kOpenDevices),
      directory("/dev/nvidia-caps", DirectoryUse::kWrite),
      directory("/run/udev", DirectoryUse::kWrite),
      directory("/tmp/nvidia-mps", DirectoryUse::kRead),
      directory("/tmp", DirectoryUse::kWrite),
      UpdateLoaderCache{inside("/etc/ld.so.preload"), {}},
      UpdateLoaderCache{inside("/usr/lib64/ld.so.cache"), {}},
  };
  for (const Op& op : bad) {
    EXPECT_EQ(error_of(check({op})),
              concat("plan check: ", kind_of(op), " ", in_quotes(target_of(op)->text()),
                     ": no injection may write there"));
    EXPECT_EQ(error_kind(check({op})), "refused");
  }
}

TEST(CheckPlan, RefusesATargetTwice) {
  EXPECT_EQ(error_of(check({file("/usr/bin/nvidia-smi"), file("/usr/bin/nvidia-smi")})),
            "plan check: bind-file \"/usr/bin/nvidia-smi\": target of two ops");
  EXPECT_EQ(
      error_of(check({file("/usr/lib64/libx.so.1"), link("/usr/lib64/libx.so.1", "liby.so")})),
      "plan check: make-link \"/usr/lib64/libx.so.1\": target of two ops");
}

TEST(CheckPlan, RefusesATargetBelowTheDirectoryOfAnotherOp) {
  EXPECT_EQ(
      error_of(check({directory("/dev/nvidia-caps", DirectoryUse::kOpenDevices),
                      device("/dev/nvidia-caps/nvidia-cap1")})),
      "plan check: bind-device \"/dev/nvidia-caps/nvidia-cap1\": target below the directory of "
      "another op");
  EXPECT_EQ(error_of(check({MaskedTree{inside("/proc/driver/nvidia/gpus"), {}},
                            MaskedTree{inside("/proc/driver/nvidia"), {}}})),
            "plan check: masked-tree \"/proc/driver/nvidia/gpus\": target below the directory of "
            "another op");
}

TEST(CheckPlan, AllowsARuleTwice) {
  InjectionPlan plan;
  plan.ops = {{AllowDevice{{195, 0}}}, {AllowDevice{{195, 0}}}};
  EXPECT_TRUE(check_plan(plan));
}

TEST(CheckPlan, RefusesLinksThatLeaveTheirDirectory) {
  for (const std::string_view text : {"", ".", "..", "/etc/passwd", "../x", "a/b", "a/", "./a"}) {
    EXPECT_EQ(
        error_of(check({link("/usr/lib64/libx.so", std::string(text))})),
        "plan check: make-link \"/usr/lib64/libx.so\": link text leads elsewhere than to a file "
        "beside it")
        << text;
  }
}

TEST(CheckPlan, RefusesLinksThatLeadFurtherThanOneDirectoryUp) {
  for (const std::string_view text : {"../../x", "../a/b", "../", "..", "/x", "../.."}) {
    EXPECT_FALSE(check({link("/dev/dri/by-path/pci-0000:0a:00.0-card", std::string(text))}))
        << text;
  }
}

TEST(CheckPlan, RefusesFilesOfATreeThatLieOutsideIt) {
  for (const std::string_view path :
       {"", "/etc/passwd", "..", "../x", "gpus/../../x", "a//b", "a/"}) {
    const MaskedTree tree{inside("/proc/driver/nvidia"),
                          {{"version", ""}, {std::string(path), ""}}};
    EXPECT_EQ(error_of(check({tree})),
              "plan check: masked-tree \"/proc/driver/nvidia\": a file of the tree lies outside it")
        << path;
  }
  EXPECT_TRUE(
      check({MaskedTree{inside("/proc/driver/nvidia"), {{"gpus/0000:01:00.0/information", ""}}}}));
}

TEST(CheckPlan, RefusesANodeWithoutItsRule) {
  InjectionPlan plan;
  plan.ops = {{AllowDevice{{195, 1}}}, {AllowDevice{{196, 0}}}, {device("/dev/nvidia0")}};
  EXPECT_EQ(error_of(check_plan(plan)),
            "plan check: bind-device \"/dev/nvidia0\": node without a cgroup rule");
  plan.ops.push_back({AllowDevice{{195, 0}}});  // order is no invariant
  EXPECT_TRUE(check_plan(plan));
}

TEST(CheckPlan, AllowsTheRulesOfMigRightsOver64GpusAndNoMore) {
  InjectionPlan plan;
  for (int i = 0; i < 16384; ++i) plan.ops.push_back({file(concat("/usr/bin/p", i))});
  EXPECT_TRUE(check_plan(plan));
  plan.ops.push_back({file("/usr/bin/one-more")});
  EXPECT_EQ(error_of(check_plan(plan)), "plan check: more than 16384 ops");
}

TEST(KindOf, IsTheNameInPlanJson) {
  EXPECT_EQ(kind_of(AllowDevice{}), "allow-device");
  EXPECT_EQ(kind_of(BindDevice{}), "bind-device");
  EXPECT_EQ(kind_of(BindFile{}), "bind-file");
  EXPECT_EQ(kind_of(BindSocket{}), "bind-socket");
  EXPECT_EQ(kind_of(BindDirectory{}), "bind-directory");
  EXPECT_EQ(kind_of(MaskedTree{}), "masked-tree");
  EXPECT_EQ(kind_of(MakeLink{}), "make-link");
  EXPECT_EQ(kind_of(UpdateLoaderCache{}), "update-loader-cache");
}

TEST(TargetOf, IsNoneForARule) {
  EXPECT_EQ(target_of(AllowDevice{}), nullptr);
  const Op op = file("/usr/bin/nvidia-smi");
  EXPECT_EQ(target_of(op)->text(), "/usr/bin/nvidia-smi");
}

}  // namespace
}  // namespace gpuhook
