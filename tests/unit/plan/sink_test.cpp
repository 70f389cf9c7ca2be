// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/text.h"
#include "gpuhook/plan.h"
#include "support/every_op.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::plan_of_every_kind;
using testing::sample_inventory;
using testing::value_of;

std::vector<std::string_view> kinds_in(const InjectionPlan& plan) {
  std::vector<std::string_view> kinds;
  for (const PlannedOp& op : plan.ops) kinds.push_back(kind_of(op.op));
  return kinds;
}

TEST(Sink, TakesWhatCanBeCarriedOutThere) {
  struct {
    std::string_view kind;
    bool apply, spec, completion;
  } const rows[] = {
      {"allow-device", true, true, false},   {"bind-device", true, true, false},
      {"bind-file", true, true, false},      {"bind-socket", true, true, false},
      {"bind-directory", true, true, false}, {"masked-tree", true, false, true},
      {"make-link", true, false, true},      {"update-loader-cache", true, false, true},
  };
  const InjectionPlan plan = plan_of_every_kind();
  std::set<std::size_t> tested;
  for (const auto& row : rows) {
    for (const PlannedOp& op : plan.ops) {
      if (kind_of(op.op) != row.kind) continue;
      tested.insert(op.op.index());
      EXPECT_EQ(takes(Sink::kApply, op.op), row.apply) << row.kind;
      EXPECT_EQ(takes(Sink::kSpec, op.op), row.spec) << row.kind;
      EXPECT_EQ(takes(Sink::kCompletion, op.op), row.completion) << row.kind;
    }
  }
  EXPECT_EQ(tested.size(), std::variant_size_v<Op>);
}

TEST(PartFor, KeepsTheOrder) {
  const InjectionPlan plan = plan_of_every_kind();
  EXPECT_THAT(
      kinds_in(part_for(Sink::kSpec, plan)),
      ElementsAre("allow-device", "bind-device", "bind-file", "bind-socket", "bind-directory"));
  EXPECT_THAT(kinds_in(part_for(Sink::kCompletion, plan)),
              ElementsAre("make-link", "masked-tree", "update-loader-cache"));
}

TEST(PartFor, KeepsTheOrderOfAlternatingOps) {
  InjectionPlan plan = plan_of_every_kind();
  std::rotate(plan.ops.begin(), plan.ops.begin() + 4, plan.ops.end());
  EXPECT_THAT(
      kinds_in(part_for(Sink::kSpec, plan)),
      ElementsAre("bind-directory", "allow-device", "bind-device", "bind-file", "bind-socket"));
}

TEST(PartFor, LeavesAWholePlanToApply) {
  EXPECT_EQ(part_for(Sink::kApply, plan_of_every_kind()), plan_of_every_kind());
}

TEST(PartFor, ChangesNothingButTheOps) {
  for (const Sink sink : {Sink::kApply, Sink::kSpec, Sink::kCompletion}) {
    InjectionPlan part = part_for(sink, plan_of_every_kind());
    InjectionPlan whole = plan_of_every_kind();
    part.ops.clear();
    whole.ops.clear();
    EXPECT_EQ(part, whole);
  }
}

TEST(PartFor, OfNothingIsNothing) {
  EXPECT_THAT(part_for(Sink::kSpec, InjectionPlan()).ops, IsEmpty());
}

// No op in both parts, none in neither.
void expect_partition(const InjectionPlan& plan) {
  const std::vector<PlannedOp> spec = part_for(Sink::kSpec, plan).ops;
  const std::vector<PlannedOp> completion = part_for(Sink::kCompletion, plan).ops;
  EXPECT_EQ(spec.size() + completion.size(), plan.ops.size());
  for (const PlannedOp& op : plan.ops) {
    const auto in_spec = std::count(spec.begin(), spec.end(), op);
    const auto in_completion = std::count(completion.begin(), completion.end(), op);
    EXPECT_EQ(in_spec + in_completion, 1) << kind_of(op.op);
  }
}

TEST(PartFor, DividesAPlanIntoWhatTheRuntimeDoesAndTheRest) {
  expect_partition(plan_of_every_kind());
  Inventory host = sample_inventory();
  host.mps_directory = HostPath::literal("/tmp/nvidia-mps");
  for (const Container& container :
       {Container{.libraries = LibraryConvention::kLib64},
        Container{.libraries = LibraryConvention::kMultiarch, .loader = Loader::kMusl}}) {
    expect_partition(
        value_of(make_plan({.devices = {AllDevices{}}, .capabilities = CapabilitySet::all()}, host,
                           container, {.leave_out = {}})));
  }
}

}  // namespace
}  // namespace gpuhook
