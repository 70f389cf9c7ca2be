// SPDX-License-Identifier: Apache-2.0
// The invariants of a plan, checked whatever made it.
#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/plan.h"

namespace gpuhook {
namespace {

// Rights over MIG bring 135 rules for each of up to 64 GPUs.
constexpr std::size_t kMaxOps = 16384;

using Directories = std::span<const std::string_view>;

bool is_one_of(std::string_view directory, Directories directories) {
  return std::find(directories.begin(), directories.end(), directory) != directories.end();
}

bool is_library_directory(std::string_view directory) {
  static constexpr std::array<std::string_view, 7> kDirectories{"/usr/lib/x86_64-linux-gnu",
                                                                "/usr/lib/aarch64-linux-gnu",
                                                                "/usr/lib/i386-linux-gnu",
                                                                "/usr/lib/arm-linux-gnueabihf",
                                                                "/usr/lib64",
                                                                "/usr/lib32",
                                                                "/usr/lib"};
  return is_one_of(directory, kDirectories);
}

bool is_xorg_directory(std::string_view directory) {
  static constexpr std::array<std::string_view, 4> kDirectories{
      "/usr/lib/xorg/modules/drivers", "/usr/lib/xorg/modules/extensions",
      "/usr/lib64/xorg/modules/drivers", "/usr/lib64/xorg/modules/extensions"};
  return is_one_of(directory, kDirectories);
}

bool is_data_directory(std::string_view directory) {
  static constexpr std::array<std::string_view, 7> kDirectories{
      "/usr/share/glvnd/egl_vendor.d",
      "/usr/share/egl/egl_external_platform.d",
      "/usr/share/nvidia",
      "/usr/share/X11/xorg.conf.d",
      "/etc/OpenCL/vendors",
      "/etc/vulkan/icd.d",
      "/etc/vulkan/implicit_layer.d"};
  return is_one_of(directory, kDirectories);
}

struct NodePlace {
  std::string_view directory;
  std::string_view prefix;
};

bool is_node_place(const ContainerPath& path) {
  constexpr std::array kPlaces{
      NodePlace{"/dev", "nvidia"},
      NodePlace{"/dev", "gdrdrv"},
      NodePlace{"/dev/nvidia-caps", "nvidia-cap"},
      NodePlace{"/dev/nvidia-caps-imex-channels", "channel"},
      NodePlace{"/dev/dri", "card"},
      NodePlace{"/dev/dri", "renderD"},
      NodePlace{"/dev/infiniband", "uverbs"},
      NodePlace{"/dev/infiniband", "rdma_cm"},
  };
  return std::any_of(kPlaces.begin(), kPlaces.end(), [&](const NodePlace& place) {
    return path.parent().text() == place.directory && path.name().starts_with(place.prefix);
  });
}

// Where each kind of op may write.
struct AllowedPlace {
  bool operator()(const AllowDevice& /*op*/) const { return true; }
  bool operator()(const BindDevice& op) const { return is_node_place(op.target); }
  bool operator()(const BindFile& op) const {
    const std::string directory = op.target.parent().text();
    return is_library_directory(directory) || is_data_directory(directory) ||
           is_xorg_directory(directory) || directory == "/usr/bin" ||
           op.target.text().starts_with("/lib/firmware/nvidia/") ||
           op.target.text() == "/etc/cufile.json";
  }
  bool operator()(const BindSocket& op) const {
    return op.target.text().starts_with("/run/nvidia-");
  }
  bool operator()(const BindDirectory& op) const {
    switch (op.use) {
      case DirectoryUse::kRead:
        return op.target.text() == "/run/udev";
      case DirectoryUse::kOpenDevices:
        return op.target.text() == "/dev/nvidia-caps";
      case DirectoryUse::kWrite:
        break;
    }
    return op.target.text() == "/tmp/nvidia-mps";
  }
  bool operator()(const MakeLink& op) const {
    const ContainerPath directory = op.target.parent();
    return is_library_directory(directory.text()) || is_xorg_directory(directory.text()) ||
           directory.text() == "/dev/dri/by-path" ||
           (directory.name() == "gbm" && is_library_directory(directory.parent().text()));
  }
  bool operator()(const MaskedTree& op) const {
    if (op.create) return op.target.text() == "/etc/nvidia/nvidia-application-profiles-rc.d";
    return op.target.text() == "/proc/driver/nvidia" ||
           op.target.text() == "/proc/driver/nvidia/gpus";
  }
  bool operator()(const UpdateLoaderCache& op) const {
    return op.target.text() == "/etc/ld.so.cache";
  }
};

bool is_bare_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string_view::npos;
}

// A link leads to a name beside it or, from the directories made for links, one directory up.
bool is_link_text(const MakeLink& link) {
  constexpr std::string_view kUp = "../";
  if (is_bare_name(link.points_to)) return true;
  const ContainerPath directory = link.target.parent();
  return (directory.name() == "gbm" || directory.name() == "by-path") &&
         link.points_to.starts_with(kUp) &&
         is_bare_name(std::string_view(link.points_to).substr(kUp.size()));
}

// A path below a tree: no empty, "." or ".." component.
bool stays_below(std::string_view path) {
  const std::vector<std::string_view> components = split(path, '/');
  return std::all_of(components.begin(), components.end(), [](std::string_view component) {
    return !component.empty() && component != "." && component != "..";
  });
}

// What is wrong with the content of an op; nothing when all is well.
struct Fault {
  const std::set<DeviceNumber>& allowed;

  std::string_view operator()(const BindDevice& op) const {
    return allowed.contains(op.number) ? "" : "node without a cgroup rule";
  }
  std::string_view operator()(const MakeLink& op) const {
    return is_link_text(op) ? "" : "link text leads elsewhere than to a file beside it";
  }
  std::string_view operator()(const MaskedTree& op) const {
    const bool inside = std::all_of(op.files.begin(), op.files.end(),
                                    [](const ProcFile& file) { return stays_below(file.path); });
    return inside ? "" : "a file of the tree lies outside it";
  }
  template <class Other>
  std::string_view operator()(const Other& /*op*/) const {
    return "";
  }
};

tl::unexpected<Error> violation(const PlannedOp& op, std::string_view why) {
  const ContainerPath* const target = target_of(op.op);
  return fail(ErrorKind::kRefused,
              concat("plan check: ", kind_of(op.op), " ",
                     in_quotes(target == nullptr ? "" : target->text()), ": ", why));
}

std::set<DeviceNumber> allowed_numbers(const InjectionPlan& plan) {
  std::set<DeviceNumber> allowed;
  for (const PlannedOp& op : plan.ops) {
    if (const auto* const rule = std::get_if<AllowDevice>(&op.op)) allowed.insert(rule->number);
  }
  return allowed;
}

// Targets of ops that put a whole directory into the container: nothing else may go below.
std::set<std::string> covered_directories(const InjectionPlan& plan) {
  std::set<std::string> covered;
  for (const PlannedOp& op : plan.ops) {
    const bool covers =
        std::holds_alternative<BindDirectory>(op.op) || std::holds_alternative<MaskedTree>(op.op);
    if (covers) covered.insert(target_of(op.op)->text());
  }
  return covered;
}

bool lies_below(const ContainerPath& target, const std::set<std::string>& directories) {
  for (ContainerPath at = target.parent(); at != ContainerPath(); at = at.parent()) {
    if (directories.contains(at.text())) return true;
  }
  return false;
}

}  // namespace

Status check_plan(const InjectionPlan& plan) {
  if (plan.ops.size() > kMaxOps)
    return fail(ErrorKind::kRefused, concat("plan check: more than ", kMaxOps, " ops"));
  const std::set<DeviceNumber> allowed = allowed_numbers(plan);
  const std::set<std::string> covered = covered_directories(plan);
  std::set<ContainerPath> targets;
  for (const PlannedOp& op : plan.ops) {
    if (!std::visit(AllowedPlace{}, op.op)) return violation(op, "no injection may write there");
    const ContainerPath* const target = target_of(op.op);
    if (target != nullptr && !targets.insert(*target).second)
      return violation(op, "target of two ops");
    if (target != nullptr && lies_below(*target, covered))
      return violation(op, "target below the directory of another op");
    const std::string_view fault = std::visit(Fault{allowed}, op.op);
    if (!fault.empty()) return violation(op, fault);
  }
  return {};
}

}  // namespace gpuhook
