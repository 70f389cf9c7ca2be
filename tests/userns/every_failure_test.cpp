// SPDX-License-Identifier: Apache-2.0
// Two plans with everything in them, and the kernel refusing each of their calls in turn.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>

#include <cerrno>
#include <ostream>

#include "base/text.h"
#include "base/unique_fd.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Each;

struct Refusal {
  std::string name;
  int error_number = 0;
  std::vector<PlannedOp> ops;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class EveryCall : public ApplyTest, public ::testing::WithParamInterface<Refusal> {
 protected:
  EveryCall() : home_(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)) {}

  // How many calls there are when nothing fails.
  std::size_t calls_of_a_good_run() {
    const TempTree fresh = prepared_image();
    const FakeContainer container(fresh);
    FailingKernel kernel;
    EXPECT_EQ(error_line(apply(kernel, plan_, container)), "");
    return kernel.calls().size();
  }

  // Fails the call and looks at everything; true when the run said that it succeeded.
  bool fail_call(std::size_t index) {
    image = prepared_image();
    const FakeContainer container(image);
    const World before = look(container);
    FailingKernel kernel;
    kernel.fail_call(index, GetParam().error_number);
    const Result<Report> report = apply(kernel, plan_, container);
    const Call& failed = kernel.calls().at(index);
    SCOPED_TRACE(concat("call ", index, ", ", failed.name, " ", failed.path,
                        ", answer: ", error_line(report)));
    expect_at_home(report);
    const World after = look(container);
    EXPECT_EQ(before.host_mounts, after.host_mounts);
    EXPECT_EQ(changes(before.driver, after.driver), Tree());
    EXPECT_EQ(changes(before.devices, after.devices), Tree());
    EXPECT_EQ(changes(before.canary, after.canary), Tree());
    if (report) {
      expect_only_optional_ops_skipped(*report);
    } else {
      expect_same_files(before, after);
      if (!left_the_container_before(kernel, index)) {
        EXPECT_EQ(before.container_mounts, after.container_mounts);
      }
    }
    EXPECT_THAT(outcomes(plan_, apply(plan_, container)), Each(AnyOf("done", "already")));
    EXPECT_EQ(container.text("/usr/lib64/libcuda.so.1"), "the host's libcuda");
    return report.has_value();
  }

 private:
  static TempTree prepared_image() {
    TempTree fresh = small_image();
    add_targets_of_all_ops(fresh);
    return fresh;
  }

  void expect_at_home(const Result<Report>& report) {
    if (own_mount_namespace() == here_) return;
    EXPECT_FALSE(report.has_value()) << "success, but in the container's mount namespace";
    require(setns(home_.get(), CLONE_NEWNS) == 0, "setns");
  }

  void expect_only_optional_ops_skipped(const Report& report) {
    for (const Outcome& outcome : report.outcomes) {
      const PlannedOp& planned = plan_.ops.at(outcome.op);
      if (std::holds_alternative<AllowDevice>(planned.op)) continue;
      EXPECT_TRUE(outcome.kind == OutcomeKind::kDone || planned.necessity == Necessity::kOptional)
          << kind_of(planned.op) << " " << target_of(planned.op)->text() << ": " << outcome.detail;
    }
  }

  // Whether everything was mounted and the way home begun: then mounts stay, and the container does
  // not start.
  static bool left_the_container_before(const FailingKernel& kernel, std::size_t index) {
    std::size_t crossings = 0;
    for (std::size_t i = 0; i <= index; ++i) {
      if (kernel.calls()[i].name == "setns_mount") ++crossings;
    }
    return crossings == 2;
  }

  InjectionPlan plan_ = host.plan(GetParam().ops);
  UniqueFd home_;
  ino_t here_ = own_mount_namespace();
};

INSTANTIATE_TEST_SUITE_P(
    Apply, EveryCall,
    ::testing::Values(Refusal{"InputOutputError", EIO, all_ops()},
                      Refusal{"NoSpace", ENOSPC, all_ops()},
                      Refusal{"NotPermitted", EPERM, all_ops()},
                      Refusal{"InputOutputErrorWithMigRights", EIO, ops_with_mig_rights()},
                      Refusal{"NoSpaceWithMigRights", ENOSPC, ops_with_mig_rights()},
                      Refusal{"NotPermittedWithMigRights", EPERM, ops_with_mig_rights()}),
    [](const auto& tested) { return tested.param.name; });

TEST_P(EveryCall, FailsTheApplyWithoutATraceOrIsSurvived) {
  const std::size_t calls = calls_of_a_good_run();
  std::size_t survived = 0;
  for (std::size_t index = 0; index < calls; ++index) survived += fail_call(index) ? 1U : 0U;
  EXPECT_GT(survived, 0U);  // those of optional ops
  EXPECT_LT(survived, calls / 2);
}

}  // namespace
}  // namespace gpuhook::testing
