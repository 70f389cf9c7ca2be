// SPDX-License-Identifier: Apache-2.0
// Builds hosts, images and plans.
#include "host_side.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "formats/ld_cache.h"

namespace gpuhook::testing {
namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 3> kNodes{
    {{"/dev/nvidia0", "/dev/null"},
     {"/dev/nvidiactl", "/dev/zero"},
     {"/dev/nvidia-caps/nvidia-cap1", "/dev/full"}}};

HostPath host_path(std::string_view text) { return HostPath::literal(text); }
ContainerPath container_path(std::string_view text) { return ContainerPath::literal(text); }

std::string cache_of_the_image() {
  const std::vector<std::byte> bytes = formats::encode_ld_cache(
      {.entries = {{.name = "libown.so", .path = "/usr/lib64/libown.so"}}, .hwcaps = {}});
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

HostSide::HostSide() {
  driver.write("/usr/lib64/libcuda.so.580.1", "the host's libcuda");
  driver.write("/usr/lib64/libnvidia-ml.so.580.1", "the host's libnvidia-ml");
  driver.write("/usr/bin/nvidia-smi", "the host's nvidia-smi", 0755);
  driver.write("/lib/firmware/nvidia/580.1/gsp.bin", "the host's firmware");
  driver.socket("/run/nvidia-persistenced/socket");
  devices.write("/run/udev/data/c226:0", "the host's udev database");
  devices.fifo("/tmp/nvidia-mps/control");
  canary.write("/lib/secret", "nobody may cover or change this");
  canary.write("/empty", "");
  for (const auto& [name, node] : kNodes) {
    devices.write(name, "");
    bind_mount(node, devices.host_path(name));
  }
}

HostSide::~HostSide() {
  // A mount that is left over ends with the namespace.
  for (const auto& [name, node] : kNodes) unmount(devices.host_path(name));
}

InjectionPlan HostSide::plan(std::vector<PlannedOp> ops) const {
  InjectionPlan plan{.driver_root = driver.root(), .device_root = devices.root()};
  for (const PlannedOp& planned : ops) {
    if (const auto* const device = std::get_if<BindDevice>(&planned.op))
      plan.ops.push_back(required(AllowDevice{device->number}));
  }
  for (PlannedOp& planned : ops) plan.ops.push_back(std::move(planned));
  return plan;
}

TempTree small_image() {
  TempTree image;
  image.directory("/dev");
  image.directory("/run");
  image.link("/lib", "usr/lib");
  image.directory("/usr/lib");
  image.write("/usr/lib64/libown.so", "the image's own library");
  image.write("/etc/passwd", "root:x:0:0::/:/bin/sh\n");
  image.write("/etc/ld.so.cache", cache_of_the_image());
  image.write("/proc/driver/nvidia/params", "the host's params");
  image.write("/proc/driver/nvidia/gpus/0000:0a:00.0/information", "the host's first GPU");
  image.write("/proc/driver/nvidia/gpus/0000:0b:00.0/information", "the host's second GPU");
  return image;
}

PlannedOp required(Op op) { return {.op = std::move(op), .necessity = Necessity::kRequired}; }
PlannedOp optional(Op op) { return {.op = std::move(op), .necessity = Necessity::kOptional}; }

BindFile bind_cuda() {
  return {.source = host_path("/usr/lib64/libcuda.so.580.1"),
          .target = container_path("/usr/lib64/libcuda.so.580.1")};
}
BindDevice bind_gpu() {
  return {.source = host_path("/dev/nvidia0"),
          .target = container_path("/dev/nvidia0"),
          .number = kNull};
}
BindSocket bind_persistenced() {
  return {.source = host_path("/run/nvidia-persistenced/socket"),
          .target = container_path("/run/nvidia-persistenced/socket")};
}
MakeLink link_cuda() {
  return {.target = container_path("/usr/lib64/libcuda.so.1"),
          .points_to = "libcuda.so.580.1",
          .covered_by = host_path("/usr/lib64/libcuda.so.580.1")};
}
MaskedTree mask_proc() {
  return {.target = container_path("/proc/driver/nvidia"),
          .files = {{.path = "params", .content = "ModifyDeviceFiles: 0\n"},
                    {.path = "gpus/0000:0a:00.0/information", .content = "Model: H100\n"}}};
}
UpdateLoaderCache update_cache() {
  return {.target = container_path("/etc/ld.so.cache"),
          .entries = {
              {.soname = "libcuda.so.1", .path = container_path("/usr/lib64/libcuda.so.580.1")}}};
}
BindDirectory bind_udev() {
  return {.source = host_path("/run/udev"),
          .target = container_path("/run/udev"),
          .use = DirectoryUse::kRead};
}
BindDirectory bind_capabilities() {
  return {.source = host_path("/dev/nvidia-caps"),
          .target = container_path("/dev/nvidia-caps"),
          .use = DirectoryUse::kOpenDevices};
}
BindDirectory bind_mps() {
  return {.source = host_path("/tmp/nvidia-mps"),
          .target = container_path("/tmp/nvidia-mps"),
          .use = DirectoryUse::kWrite};
}
MakeLink link_gbm() {
  return {.target = container_path("/usr/lib64/gbm/nvidia-drm_gbm.so"),
          .points_to = "../libcuda.so.580.1",
          .covered_by = std::nullopt};
}
MakeLink link_by_path() {
  return {.target = container_path("/dev/dri/by-path/pci-0000:0a:00.0-card"),
          .points_to = "../card1",
          .covered_by = std::nullopt};
}
MaskedTree mask_profiles() {
  return {.target = container_path("/etc/nvidia/nvidia-application-profiles-rc.d"),
          .files = {{.path = "10-container.conf", .content = "{\"profiles\": []}\n"}},
          .create = true};
}
MaskedTree mask_gpus() {
  return {.target = container_path("/proc/driver/nvidia/gpus"),
          .files = {{.path = "0000:0a:00.0/information", .content = "Model: H100\n"}}};
}

std::vector<PlannedOp> all_ops() {
  return {
      required(bind_gpu()),
      required(BindDevice{.source = host_path("/dev/nvidiactl"),
                          .target = container_path("/dev/nvidiactl"),
                          .number = kZero}),
      required(BindDevice{.source = host_path("/dev/nvidia-caps/nvidia-cap1"),
                          .target = container_path("/dev/nvidia-caps/nvidia-cap1"),
                          .number = kFull}),
      required(bind_cuda()),
      required(BindFile{.source = host_path("/usr/lib64/libnvidia-ml.so.580.1"),
                        .target = container_path("/usr/lib64/libnvidia-ml.so.580.1")}),
      required(BindFile{.source = host_path("/usr/bin/nvidia-smi"),
                        .target = container_path("/usr/bin/nvidia-smi")}),
      optional(BindFile{.source = host_path("/lib/firmware/nvidia/580.1/gsp.bin"),
                        .target = container_path("/lib/firmware/nvidia/580.1/gsp.bin")}),
      optional(bind_persistenced()),
      required(link_cuda()),
      required(MakeLink{.target = container_path("/usr/lib64/libnvidia-ml.so.1"),
                        .points_to = "libnvidia-ml.so.580.1",
                        .covered_by = host_path("/usr/lib64/libnvidia-ml.so.580.1")}),
      required(MakeLink{.target = container_path("/usr/lib64/libnvidia-ml.so"),
                        .points_to = "libnvidia-ml.so.1",
                        .covered_by = host_path("/usr/lib64/libnvidia-ml.so.580.1")}),
      required(bind_udev()),
      optional(bind_mps()),
      required(link_gbm()),
      optional(link_by_path()),
      required(mask_proc()),
      optional(mask_profiles()),
      required(update_cache()),
  };
}

std::vector<PlannedOp> ops_with_mig_rights() {
  return {required(bind_gpu()),  required(bind_capabilities()), required(bind_cuda()),
          required(link_cuda()), optional(bind_persistenced()), required(mask_gpus())};
}

void add_targets_of_all_ops(const TempTree& image) {
  image.link("/usr/lib64/libcuda.so.580.1", "/opt/driver/libcuda.so.580.1");
  image.write("/usr/lib64/libnvidia-ml.so.580.1", "");
  image.link("/usr/lib64/libnvidia-ml.so.1", "libnvidia-ml.so.470.1");
  image.write("/usr/lib64/libnvidia-ml.so", "the image's own libnvidia-ml");
  image.write("/run/udev/control", "the image's own");
  image.link("/usr/lib64/gbm/nvidia-drm_gbm.so", "../libnvidia-allocator.so.470.1");
}

Result<Report> apply(const InjectionPlan& plan, const FakeContainer& container) {
  return apply_plan(plan, container.target(), Config());
}

Result<Report> apply(FailingKernel& kernel, const InjectionPlan& plan,
                     const FakeContainer& container) {
  return apply::apply_plan_with(kernel, plan, container.target(), Config());
}

std::string error_line(const Result<Report>& report) {
  return report ? "" : to_line(report.error());
}

std::vector<std::string> outcomes(const InjectionPlan& plan, const Result<Report>& report) {
  if (!report) return {to_line(report.error())};
  std::vector<std::string> words;
  for (const Outcome& outcome : report->outcomes) {
    if (std::holds_alternative<AllowDevice>(plan.ops.at(outcome.op).op)) continue;
    words.emplace_back(outcome.kind == OutcomeKind::kDone      ? "done"
                       : outcome.kind == OutcomeKind::kAlready ? "already"
                                                               : "skipped: " + outcome.detail);
  }
  return words;
}

World ApplyTest::look(const FakeContainer& container) const {
  return {.image = tree_of(image.root().text()),
          .dev = tree_of(container.seen("/dev")),
          .driver = tree_of(host.driver.root().text()),
          .devices = tree_of(host.devices.root().text()),
          .canary = tree_of(host.canary.root().text()),
          .host_mounts = mountinfo_of(getpid()),
          .container_mounts = container.mountinfo()};
}

void ApplyTest::expect_same_files(const World& before, const World& after) {
  EXPECT_EQ(changes(before.image, after.image), Tree());
  EXPECT_EQ(changes(before.dev, after.dev), Tree());
  EXPECT_EQ(changes(before.driver, after.driver), Tree());
  EXPECT_EQ(changes(before.devices, after.devices), Tree());
  EXPECT_EQ(changes(before.canary, after.canary), Tree());
  EXPECT_EQ(before.host_mounts, after.host_mounts);
}

void ApplyTest::expect_same(const World& before, const World& after) {
  expect_same_files(before, after);
  EXPECT_EQ(before.container_mounts, after.container_mounts);
}

void ApplyTest::expect_refusal(const FakeContainer& container, const std::vector<PlannedOp>& ops,
                               ErrorKind kind) {
  const World before = look(container);
  const Result<Report> report = apply(host.plan(ops), container);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(name_of(report.error().kind), name_of(kind)) << to_line(report.error());
  expect_same(before, look(container));
}

void ApplyTest::expect_refusal(const std::vector<PlannedOp>& ops, ErrorKind kind) {
  const FakeContainer container(image);
  expect_refusal(container, ops, kind);
}

}  // namespace gpuhook::testing
