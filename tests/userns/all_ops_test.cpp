// SPDX-License-Identifier: Apache-2.0
// What holds for every kind of op: the second time changes nothing, a failure later on takes it
// back.
#include <gmock/gmock.h>

#include <cerrno>
#include <ostream>

#include "base/text.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

using ::testing::Each;

struct OpKind {
  std::string name;
  Op op;
  std::string last_call;  // that preparing it needs
};

// gtest prints parameters in failure messages.
void PrintTo(const OpKind& kind, std::ostream* out) { *out << kind.name; }

class EveryOpKind : public ApplyTest, public ::testing::WithParamInterface<OpKind> {};

INSTANTIATE_TEST_SUITE_P(
    Apply, EveryOpKind,
    ::testing::Values(OpKind{"BindFile", bind_cuda(), "open_tree"},
                      OpKind{"BindDevice", bind_gpu(), "open_tree"},
                      OpKind{"BindSocket", bind_persistenced(), "open_tree"},
                      OpKind{"BindDirectoryToRead", bind_udev(), "open_tree"},
                      OpKind{"BindDirectoryWithDevices", bind_capabilities(), "open_tree"},
                      OpKind{"BindDirectoryToWrite", bind_mps(), "open_tree"},
                      OpKind{"MakeLink", link_cuda(), "symlinkat"},
                      OpKind{"MakeLinkToDirectoryAbove", link_gbm(), "symlinkat"},
                      OpKind{"MakeLinkToNode", link_by_path(), "symlinkat"},
                      OpKind{"MaskedTree", mask_proc(), "fsmount_tmpfs"},
                      OpKind{"MaskedTreeOfGpus", mask_gpus(), "fsmount_tmpfs"},
                      OpKind{"MaskedTreeThatIsMade", mask_profiles(), "fsmount_tmpfs"},
                      OpKind{"UpdateLoaderCache", update_cache(), "write"}),
    [](const auto& tested) { return tested.param.name; });

TEST_P(EveryOpKind, ChangesNothingTheSecondTime) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(GetParam().op)});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  const World before = look(container);
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("already"));
  expect_same(before, look(container));
}

TEST_P(EveryOpKind, IsTakenBackWhenALaterOpIsRefused) {
  image.directory("/usr/lib64/libnvidia-ml.so.580.1");
  const BindFile refused{.source = HostPath::literal("/usr/lib64/libnvidia-ml.so.580.1"),
                         .target = ContainerPath::literal("/usr/lib64/libnvidia-ml.so.580.1")};
  expect_refusal({required(GetParam().op), required(refused)}, ErrorKind::kRefused);
}

TEST_P(EveryOpKind, IsTakenBackWhenALaterMountFails) {
  const FakeContainer container(image);
  const World before = look(container);
  const BindFile later{.source = HostPath::literal("/usr/bin/nvidia-smi"),
                       .target = ContainerPath::literal("/usr/bin/nvidia-smi")};
  const InjectionPlan plan = host.plan({required(GetParam().op), required(later)});
  const bool mounts = !std::holds_alternative<MakeLink>(GetParam().op) &&
                      !std::holds_alternative<UpdateLoaderCache>(GetParam().op);
  FailingKernel kernel;
  kernel.fail("move_mount", mounts ? 2 : 1, EINVAL);
  EXPECT_NE(error_line(apply(kernel, plan, container)), "");
  expect_same(before, look(container));
}

TEST_P(EveryOpKind, IsTakenBackWhenTheLastStepFails) {
  const FakeContainer container(image);
  const World before = look(container);
  std::vector<PlannedOp> ops{required(GetParam().op)};
  if (GetParam().name != "UpdateLoaderCache") ops.push_back(required(update_cache()));
  FailingKernel kernel;
  kernel.fail("renameat", 1, ENOSPC);
  EXPECT_NE(error_line(apply(kernel, host.plan(ops), container)), "");
  expect_same_files(before, look(container));
}

TEST_P(EveryOpKind, LeavesNoTraceWhenItIsOptionalAndCannotBePrepared) {
  const FakeContainer container(image);
  const World before = look(container);
  FailingKernel kernel;
  kernel.fail(GetParam().last_call, 1, EIO);
  const InjectionPlan plan = host.plan({optional(GetParam().op)});
  EXPECT_THAT(outcomes(plan, apply(kernel, plan, container)),
              Each(::testing::StartsWith("skipped: ")));
  expect_same(before, look(container));
}

TEST_P(EveryOpKind, LeavesNoTraceWhicheverCallOfItsPreparationFails) {
  const InjectionPlan plan = host.plan({optional(GetParam().op)});
  // How many calls there are before the container is entered.
  const auto calls = [&] {
    const TempTree fresh = small_image();
    const FakeContainer container(fresh);
    FailingKernel kernel;
    EXPECT_THAT(outcomes(plan, apply(kernel, plan, container)), Each("done"));
    return kernel.first("setns_mount");
  }();
  std::size_t failed = 0;
  for (std::size_t index = 0; index < calls; ++index) {
    image = small_image();
    const FakeContainer container(image);
    const World before = look(container);
    FailingKernel kernel;
    kernel.fail_call(index, EIO);
    const Result<Report> report = apply(kernel, plan, container);
    // Survived, as a leftover that could not be removed is.
    if (report && report->outcomes.back().kind == OutcomeKind::kDone) continue;
    SCOPED_TRACE(concat("call ", index, ", ", kernel.calls().at(index).name, " ",
                        kernel.calls().at(index).path, ", answer: ", error_line(report)));
    expect_same(before, look(container));
    ++failed;
  }
  EXPECT_GT(failed, calls / 2);
}

class AllOps : public ApplyTest {
 protected:
  AllOps() { add_targets_of_all_ops(image); }
};

TEST_F(AllOps, AreAppliedTogether) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan(all_ops());
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
  EXPECT_EQ(container.text("/usr/lib64/libnvidia-ml.so.1"), "the host's libnvidia-ml");
  EXPECT_EQ(container.text("/usr/lib64/libnvidia-ml.so"), "the host's libnvidia-ml");
  EXPECT_EQ(container.text("/usr/bin/nvidia-smi"), "the host's nvidia-smi");
  EXPECT_EQ(container.text("/run/udev/data/c226:0"), "the host's udev database");
  EXPECT_EQ(container.mount_options("/tmp/nvidia-mps"), "rw,nosuid,nodev,noexec");
  EXPECT_EQ(container.text("/usr/lib64/gbm/nvidia-drm_gbm.so"), "the host's libcuda");
  EXPECT_EQ(container.text("/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf"),
            "{\"profiles\": []}\n");
  EXPECT_EQ(container.text("/proc/driver/nvidia/params"), "ModifyDeviceFiles: 0\n");
}

TEST_F(AllOps, OfAContainerWithRightsOverMigAreAppliedTogether) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan(ops_with_mig_rights());
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
  EXPECT_EQ(container.mount_options("/dev/nvidia0"), "ro,nosuid,noexec");
  EXPECT_EQ(container.mount_options("/dev/nvidia-caps"), "ro,nosuid,noexec");
  EXPECT_EQ(container.text("/proc/driver/nvidia/params"), "the host's params");
  EXPECT_EQ(container.text("/proc/driver/nvidia/gpus/0000:0a:00.0/information"), "Model: H100\n");
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("already"));
}

TEST_F(AllOps, ReportOneOutcomeForEachOpInThePlansOrder) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan(all_ops());
  const Result<Report> report = apply(plan, container);
  ASSERT_EQ(error_line(report), "");
  ASSERT_EQ(report->outcomes.size(), plan.ops.size());
  for (std::size_t i = 0; i < plan.ops.size(); ++i) EXPECT_EQ(report->outcomes[i].op, i);
}

TEST_F(AllOps, ChangeNothingTheSecondTime) {
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan(all_ops());
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  const World before = look(container);
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("already"));
  expect_same(before, look(container));
}

TEST_F(AllOps, AreDoneAgainInASecondContainerOfTheSameDirectory) {
  const InjectionPlan plan = host.plan(all_ops());
  {
    const FakeContainer first(image);
    EXPECT_EQ(error_line(apply(plan, first)), "");
  }
  const Tree stubs = tree_of(image.root().text());
  const FakeContainer second(image);
  EXPECT_EQ(error_line(apply(plan, second)), "");
  EXPECT_EQ(second.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
  EXPECT_EQ(tree_of(image.root().text()), stubs);
}

TEST_F(AllOps, LeaveTheHostsMountTableAlone) {
  const FakeContainer container(image);
  const std::string before = mountinfo_of(getpid());
  EXPECT_EQ(error_line(apply(host.plan(all_ops()), container)), "");
  EXPECT_EQ(mountinfo_of(getpid()), before);
}

TEST_F(AllOps, BringTheCallerHome) {
  const FakeContainer container(image);
  const ino_t home = own_mount_namespace();
  EXPECT_EQ(error_line(apply(host.plan(all_ops()), container)), "");
  EXPECT_EQ(own_mount_namespace(), home);
}

TEST_F(AllOps, LeaveNoDescriptorOpen) {
  const FakeContainer container(image);
  const auto open_descriptors = [] { return tree_of("/proc/self/fd").size(); };
  const std::size_t before = open_descriptors();
  EXPECT_EQ(error_line(apply(host.plan(all_ops()), container)), "");
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(AllOps, WorkInAPivotedContainer) {
  const FakeContainer container(image, {.pivoted = true});
  const InjectionPlan plan = host.plan(all_ops());
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.580.1"), "the host's libcuda");
  EXPECT_EQ(container.mount_options("/dev/nvidia0"), "ro,nosuid,noexec");
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("already"));
}

TEST_F(AllOps, WorkInAContainerWithAUserNamespaceOfItsOwn) {
  const FakeContainer container(image, {.user_namespace = true});
  const InjectionPlan plan = host.plan(all_ops());
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("done"));
  EXPECT_EQ(container.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
  EXPECT_THAT(outcomes(plan, apply(plan, container)), Each("already"));
}

TEST_F(AllOps, AreRefusedForADirectoryWithoutAContainer) {
  const Tree before = tree_of(image.root().text());
  const Result<Target> target = Target::of_directory(image.root());
  ASSERT_TRUE(target.has_value());
  const Result<Report> report = apply_plan(host.plan(all_ops()), *target, Config());
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(tree_of(image.root().text()), before);
}

TEST_F(AllOps, AreRefusedBeforeAnyCallWhenThePlanBreaksARule) {
  const FakeContainer container(image);
  InjectionPlan plan = host.plan(all_ops());
  plan.ops.push_back(required(BindFile{.source = HostPath::literal("/usr/bin/nvidia-smi"),
                                       .target = ContainerPath::literal("/etc/passwd")}));
  FailingKernel kernel;
  const Result<Report> report = apply(kernel, plan, container);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kRefused);
  EXPECT_TRUE(kernel.calls().empty());
}

TEST_F(AllOps, AreRefusedBeforeAnyChangeWhenTheKernelIsTooOld) {
  const FakeContainer container(image);
  const World before = look(container);
  FailingKernel kernel;
  kernel.fail("mount_setattr", 1, ENOSYS);
  const Result<Report> report = apply(kernel, host.plan(all_ops()), container);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(error_line(report), ::testing::HasSubstr("Linux 5.12 or newer is needed"));
  EXPECT_EQ(kernel.calls().size(), 1U);
  expect_same(before, look(container));
}

}  // namespace
}  // namespace gpuhook::testing
