// SPDX-License-Identifier: Apache-2.0
// The things that every test of apply has: a host with a driver, three device nodes and directories
// that containers share, an image, and a look at all of it before and after.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "apply/apply_plan.h"
#include "failing_kernel.h"
#include "fake_container.h"
#include "fake_host.h"
#include "gpuhook/gpuhook.h"
#include "namespaces.h"
#include "observe.h"

namespace gpuhook::testing {

inline constexpr DeviceNumber kNull{.major = 1, .minor = 3};
inline constexpr DeviceNumber kZero{.major = 1, .minor = 5};
inline constexpr DeviceNumber kFull{.major = 1, .minor = 7};

// /dev/nvidia0, /dev/nvidiactl and /dev/nvidia-caps/nvidia-cap1 are the nodes of null, zero and
// full: no other can be had in a user namespace. They are mounts, which a directory bound into a
// container does not bring along.
class HostSide {
 public:
  HostSide();
  HostSide(const HostSide&) = delete;
  HostSide& operator=(const HostSide&) = delete;
  ~HostSide();

  // A plan with these ops, and the device rules they need before them.
  [[nodiscard]] InjectionPlan plan(std::vector<PlannedOp> ops) const;

  TempTree driver;
  TempTree devices;
  TempTree canary;  // nothing of a plan: must never change
};

// A merged-usr image with an ld.so.cache, an own file /usr/lib64/libown.so, two GPUs in procfs and
// directories for everything but programs, firmware, links of graphics and application profiles.
TempTree small_image();

PlannedOp required(Op op);
PlannedOp optional(Op op);

// One op of each kind on small_image().
BindFile bind_cuda();
BindDevice bind_gpu();
BindSocket bind_persistenced();
MakeLink link_cuda();
MaskedTree mask_proc();
UpdateLoaderCache update_cache();
// A shared directory for each use.
BindDirectory bind_udev();          // to be read
BindDirectory bind_capabilities();  // with devices to be opened
BindDirectory bind_mps();           // to be written
// Links into the directory above, which give way to no file of the image.
MakeLink link_gbm();
MakeLink link_by_path();
// A directory that is made where it is missing, and one below another that stays.
MaskedTree mask_profiles();
MaskedTree mask_gpus();

// All kinds, with existing and missing directories, new and existing targets, and optional ops.
// Needs add_targets_of_all_ops() on the image.
std::vector<PlannedOp> all_ops();
// What a container with rights over MIG devices receives in the place of some of these: no plan has
// both.
std::vector<PlannedOp> ops_with_mig_rights();
void add_targets_of_all_ops(const TempTree& image);

Result<Report> apply(const InjectionPlan& plan, const FakeContainer& container);
Result<Report> apply(FailingKernel& kernel, const InjectionPlan& plan,
                     const FakeContainer& container);

// "" for a success, so that a comparison shows the error.
std::string error_line(const Result<Report>& report);
// The outcomes other than those of device rules, as words: "done", "already", "skipped: REASON".
std::vector<std::string> outcomes(const InjectionPlan& plan, const Result<Report>& report);

// What a failed apply must leave as it was.
struct World {
  Tree image;  // the directory below the container's mounts
  Tree dev;    // as the container sees it
  Tree driver;
  Tree devices;
  Tree canary;
  std::string host_mounts;
  std::string container_mounts;
};

class ApplyTest : public ::testing::Test {
 protected:
  [[nodiscard]] World look(const FakeContainer& container) const;
  // Without the container's mount table, which keeps mounts of an apply that failed late.
  static void expect_same_files(const World& before, const World& after);
  static void expect_same(const World& before, const World& after);
  // Applies in a new container of `image`: an error, and nothing has changed.
  void expect_refusal(const std::vector<PlannedOp>& ops, ErrorKind kind);
  void expect_refusal(const FakeContainer& container, const std::vector<PlannedOp>& ops,
                      ErrorKind kind);

  HostSide host;
  TempTree image = small_image();
};

}  // namespace gpuhook::testing
