// SPDX-License-Identifier: Apache-2.0
// The order of one injection: look up and stage everything, set device rules, enter, mount, check,
// return, rename.
#include "apply/apply_plan.h"

#include <set>
#include <utility>

#include "apply/device_rules.h"
#include "apply/executor.h"
#include "base/text.h"
#include "base/try.h"
#include "container/device_group.h"
#include "container/parts.h"
#include "formats/proc_tables.h"
#include "sys/privileges.h"
#include "sys/rooted_dir.h"

namespace gpuhook::apply {
namespace {

using container::DeviceGroup;

constexpr std::size_t kMaxMountinfoBytes = std::size_t{16} << 20U;

// Files made for the container belong to its root, and the directories of its user namespace accept
// no other owner (EOVERFLOW). Back to 0 when this goes.
class FileIdentity {
 public:
  static Result<FileIdentity> assume(sys::Kernel& kernel, std::uint32_t uid, std::uint32_t gid) {
    if (uid != 0 || gid != 0) TRY(kernel.setfsid(uid, gid));
    return FileIdentity(uid != 0 || gid != 0 ? &kernel : nullptr);
  }
  FileIdentity(FileIdentity&& other) noexcept : kernel_(std::exchange(other.kernel_, nullptr)) {}
  FileIdentity& operator=(FileIdentity&&) = delete;
  ~FileIdentity() {
    // Going back to 0 needs no privilege beyond the one that got us here.
    if (kernel_ != nullptr) (void)kernel_->setfsid(0, 0);
  }

 private:
  explicit FileIdentity(sys::Kernel* kernel) : kernel_(kernel) {}
  sys::Kernel* kernel_;
};

// Being in the container's mount namespace, and home again when this goes.
class Visit {
 public:
  static Result<Visit> enter(sys::Kernel& kernel, int pidfd) {
    UniqueFd home = TRY(kernel.openat2(sys::kNoDirectory, "/proc/self/ns/mnt",
                                       {.open = sys::Open::kRead, .resolve = sys::Resolve::kHost}));
    TRY(kernel.setns_mount(pidfd));
    return Visit(kernel, std::move(home));
  }
  Visit(Visit&&) = default;
  Visit& operator=(Visit&&) = delete;
  // Goes home; afterwards the destructor has nothing to do.
  Status leave() {
    const UniqueFd home = std::move(home_);
    return doing("leaving the container", kernel_.setns_mount(home.get()));
  }
  ~Visit() {
    // On the way of an error: if the kernel refuses, the undo steps fail, which is all there is
    // left.
    if (home_) (void)kernel_.setns_mount(home_.get());
  }

 private:
  Visit(sys::Kernel& kernel, UniqueFd home) : kernel_(kernel), home_(std::move(home)) {}
  sys::Kernel& kernel_;
  UniqueFd home_;
};

// One clear line on an old kernel, before anything is touched.
Status check_kernel(sys::Kernel& kernel) {
  Status answer = kernel.mount_setattr(-1, kTreeAttributes);
  if (!answer && answer.error().kind == ErrorKind::kUnsupported) return answer;
  return {};
}

// A runtime that an ordinary user starts by hand runs its hooks as that user, outside of the
// container's user namespace.
Status check_privilege() {
  if (TRY(sys::may_administrate())) return {};
  return fail(ErrorKind::kRefused, "this process has no CAP_SYS_ADMIN",
              "run it as root; without root, use an engine that runs the runtime and its hooks "
              "inside the user namespace, as podman does");
}

Result<std::vector<formats::MountInfo>> mounts_in(sys::Kernel& kernel, int dir,
                                                  const std::string& path, sys::Resolve resolve) {
  const UniqueFd file =
      TRY(kernel.openat2(dir, path, {.open = sys::Open::kRead, .resolve = resolve}));
  const std::vector<std::byte> bytes = TRY(kernel.read(file.get(), kMaxMountinfoBytes));
  return formats::parse_mountinfo({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<std::set<std::uint64_t>> private_mounts(sys::Kernel& kernel, const sys::Process& process) {
  std::set<std::uint64_t> found;
  for (const formats::MountInfo& mount :
       TRY(mounts_in(kernel, process.proc.get(), "mountinfo", sys::Resolve::kPlain))) {
    if (!mount.shared) found.insert(mount.id);
  }
  return found;
}

Result<std::set<DeviceNumber>> host_file_systems(sys::Kernel& kernel) {
  std::set<DeviceNumber> found;
  for (const formats::MountInfo& mount :
       TRY(mounts_in(kernel, sys::kNoDirectory, "/proc/self/mountinfo", sys::Resolve::kHost))) {
    found.insert(mount.file_system);
  }
  return found;
}

std::vector<DeviceNumber> allowed_devices(const InjectionPlan& plan) {
  std::vector<DeviceNumber> devices;
  for (const PlannedOp& op : plan.ops) {
    if (const auto* const rule = std::get_if<AllowDevice>(&op.op)) devices.push_back(rule->number);
  }
  return devices;
}

struct RuleOutcome {
  OutcomeKind kind = OutcomeKind::kSkipped;
  std::string detail;
};

Result<RuleOutcome> set_rules(sys::Kernel& kernel, const DeviceGroup& group,
                              std::span<const DeviceNumber> devices) {
  if (const auto* const none = std::get_if<container::NoDeviceGroup>(&group))
    return RuleOutcome{.detail = none->reason};
  const auto* const v1 = std::get_if<container::DeviceGroupV1>(&group);
  const OutcomeKind kind =
      v1 != nullptr
          ? TRY(allow_devices(kernel, *v1, devices))
          : TRY(allow_devices(kernel, std::get<container::DeviceGroupV2>(group), devices));
  return RuleOutcome{.kind = kind, .detail = {}};
}

void record_rules(const InjectionPlan& plan, const RuleOutcome& outcome, Report& report) {
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    if (!std::holds_alternative<AllowDevice>(plan.ops[i].op)) continue;
    report.outcomes[i].kind = outcome.kind;
    report.outcomes[i].detail = outcome.detail;
  }
}

Status attach(sys::Kernel& kernel, Executor& executor, const sys::Process& process) {
  if (!sys::is_alive(process))
    return fail(ErrorKind::kNotFound, concat("process ", process.pid, " has ended"));
  if (executor.attachments().empty()) return {};
  Visit visit = TRY(doing("entering the container", Visit::enter(kernel, process.pidfd.get())));
  Status attached = executor.attach();
  if (attached) attached = executor.verify();
  if (attached) attached = visit.leave();
  if (!attached) executor.detach();
  return attached;
}

Result<Report> run(sys::Kernel& kernel, const InjectionPlan& plan, const Target::Parts& target,
                   const DeviceGroup& group) {
  const sys::RootedDir driver_root =
      TRY(doing("opening the driver root", sys::RootedDir::open(plan.driver_root)));
  const sys::RootedDir device_root =
      TRY(doing("opening the device root", sys::RootedDir::open(plan.device_root)));
  // One run at a time in one root file system: what this one undoes, another must not be using.
  const UniqueFd lock =
      TRY(doing("locking the root directory", sys::lock_directory(target.rootfs.fd())));
  std::set<DeviceNumber> on_host = TRY(host_file_systems(kernel));
  std::set<std::uint64_t> without_peers = TRY(private_mounts(kernel, *target.process));
  const FileIdentity identity = TRY(FileIdentity::assume(kernel, target.root_uid, target.root_gid));
  Executor executor(kernel, {.driver = driver_root.fd(),
                             .device = device_root.fd(),
                             .rootfs = target.rootfs.fd(),
                             .rootfs_mount_id = target.rootfs_mount_id,
                             .host_file_systems = std::move(on_host),
                             .private_mounts = std::move(without_peers),
                             .mark = concat("gpu-hook.", target.process->pid)});
  Report report;
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    report.outcomes.push_back(TRY(executor.prepare(i, plan.ops[i])));
  }
  record_rules(plan,
               TRY(doing("setting device rules", set_rules(kernel, group, allowed_devices(plan)))),
               report);
  TRY(attach(kernel, executor, *target.process));
  TRY(executor.finish());
  return report;
}

}  // namespace

Result<Report> apply_plan_with(sys::Kernel& kernel, const InjectionPlan& plan, const Target& target,
                               const Config& config) {
  const auto apply = [&]() -> Result<Report> {
    if (!target.parts().process)
      return fail(ErrorKind::kRefused, "a directory without a running container cannot be changed");
    TRY(check_plan(plan));
    TRY(check_kernel(kernel));
    TRY(check_privilege());
    DeviceGroup group = container::NoDeviceGroup{"device rules were not wanted"};
    if (!config.no_cgroups)
      group =
          TRY(doing("finding the container's device cgroup", container::find_device_group(target)));
    return run(kernel, plan, target.parts(), group);
  };
  return doing("injecting", apply());
}

}  // namespace gpuhook::apply

namespace gpuhook {

Result<Report> apply_plan(const InjectionPlan& plan, const Target& target, const Config& config) {
  return apply::apply_plan_with(sys::linux_kernel(), plan, target, config);
}

}  // namespace gpuhook
