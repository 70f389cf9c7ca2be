// SPDX-License-Identifier: Apache-2.0
// The invariants of a plan, checked whatever made it.
#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/plan.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxOps = 4096;

bool below(const ContainerPath& path, std::string_view directory) {
  return path.parent().text() == directory;
}

bool is_library_directory(std::string_view directory) {
  constexpr std::array<std::string_view, 3> kDirectories{
      "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"};
  return std::find(kDirectories.begin(), kDirectories.end(), directory) != kDirectories.end();
}

// Where each kind of op may write.
struct AllowedPlace {
  bool operator()(const AllowDevice& /*op*/) const { return true; }
  bool operator()(const BindDevice& op) const {
    return (below(op.target, "/dev") || below(op.target, "/dev/nvidia-caps")) &&
           op.target.name().starts_with("nvidia");
  }
  bool operator()(const BindFile& op) const {
    return is_library_directory(op.target.parent().text()) || below(op.target, "/usr/bin") ||
           op.target.text().starts_with("/lib/firmware/nvidia/");
  }
  bool operator()(const BindSocket& op) const {
    return op.target.text().starts_with("/run/nvidia-");
  }
  bool operator()(const MakeLink& op) const {
    return is_library_directory(op.target.parent().text());
  }
  bool operator()(const MaskedTree& op) const { return op.target.text() == "/proc/driver/nvidia"; }
  bool operator()(const UpdateLoaderCache& op) const {
    return op.target.text() == "/etc/ld.so.cache";
  }
};

bool bare_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string_view::npos;
}

// A path below a tree: no empty, "." or ".." component.
bool stays_below(std::string_view path) {
  const std::vector<std::string_view> components = split(path, '/');
  return std::all_of(components.begin(), components.end(), [](std::string_view component) {
    return !component.empty() && component != "." && component != "..";
  });
}

tl::unexpected<Error> violation(const PlannedOp& op, std::string_view why) {
  const ContainerPath* const target = target_of(op.op);
  return fail(ErrorKind::kRefused,
              concat("plan check: ", kind_of(op.op), " ",
                     in_quotes(target == nullptr ? "" : target->text()), ": ", why));
}

}  // namespace

Status check_plan(const InjectionPlan& plan) {
  if (plan.ops.size() > kMaxOps)
    return fail(ErrorKind::kRefused, concat("plan check: more than ", kMaxOps, " ops"));
  std::set<ContainerPath> targets;
  std::set<DeviceNumber> allowed;
  for (const PlannedOp& op : plan.ops) {
    if (const auto* const rule = std::get_if<AllowDevice>(&op.op)) allowed.insert(rule->number);
  }
  for (const PlannedOp& op : plan.ops) {
    if (!std::visit(AllowedPlace{}, op.op)) return violation(op, "no injection may write there");
    const ContainerPath* const target = target_of(op.op);
    if (target != nullptr && !targets.insert(*target).second)
      return violation(op, "target of two ops");
    if (const auto* const tree = std::get_if<MaskedTree>(&op.op);
        tree != nullptr &&
        !std::all_of(tree->files.begin(), tree->files.end(),
                     [](const ProcFile& file) { return stays_below(file.path); })) {
      return violation(op, "a file of the tree lies outside it");
    }
    if (const auto* const link = std::get_if<MakeLink>(&op.op);
        link != nullptr && !bare_name(link->points_to)) {
      return violation(op, "link text is not a bare file name");
    }
    if (const auto* const device = std::get_if<BindDevice>(&op.op);
        device != nullptr && !allowed.contains(device->number)) {
      return violation(op, "node without a cgroup rule");
    }
  }
  return {};
}

}  // namespace gpuhook
