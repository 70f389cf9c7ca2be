// SPDX-License-Identifier: Apache-2.0
// One function for each op kind that a specification can express.
#include "render/oci_pieces.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::render {
namespace {

using json = nlohmann::ordered_json;

std::string dumped(const json& piece) {
  return piece.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Whether a mount of the container brings something along that lives longer than it: a stub made
// there would be made on the host.
bool is_volume(const SpecMount& mount) {
  constexpr std::array<std::string_view, 8> kOwn{"tmpfs",   "proc",   "sysfs",  "cgroup",
                                                 "cgroup2", "mqueue", "devpts", "ramfs"};
  return mount.is_bind || std::find(kOwn.begin(), kOwn.end(), mount.type) == kOwn.end();
}

// Where a mount goes: as resolved, else as spelled. Nothing for a spelling that is none.
std::optional<ContainerPath> place_of(const ContainerSpec& spec, const SpecEdit& edit,
                                      std::size_t mount) {
  if (mount < edit.places.mounts.size()) return edit.places.mounts[mount];
  const Result<ContainerPath> place = ContainerPath::parse(spec.mounts[mount].destination);
  return place ? std::optional<ContainerPath>(*place) : std::nullopt;
}

bool is_above(const ContainerPath& directory, const ContainerPath& path) {
  return directory == ContainerPath() || path.text().starts_with(directory.text() + "/");
}

// The group's number inside the container; nothing when it has none there.
std::optional<std::uint32_t> gid_inside(const ContainerSpec& spec, std::uint32_t gid) {
  if (!spec.has_user_namespace || spec.gid_mappings.empty()) return gid;
  for (const IdMapping& mapping : spec.gid_mappings) {
    if (gid >= mapping.host_id && gid - mapping.host_id < mapping.size)
      return mapping.container_id + (gid - mapping.host_id);
  }
  return std::nullopt;
}

class Pieces {
 public:
  Pieces(const ContainerSpec& spec, const SpecEdit& edit) : spec_(spec), edit_(edit) {}

  Status add(std::size_t index) {
    const PlannedOp& planned = edit_.plan.ops[index];
    const SpecMount* const above = mount_above(index);
    if (above != nullptr && is_volume(*above)) return covered(planned, *above);
    std::visit([this](const auto& op) { put(op); }, planned.op);
    return {};
  }

  OciPieces take() { return std::move(pieces_); }

 private:
  // The mount whose tree the op's target will be looked up in: the last one above it. Null for the
  // root file system.
  [[nodiscard]] const SpecMount* mount_above(std::size_t index) const {
    const ContainerPath* const spelled = target_of(edit_.plan.ops[index].op);
    if (spelled == nullptr) return nullptr;
    const bool resolved = index < edit_.places.targets.size();
    const ContainerPath& target = resolved ? edit_.places.targets[index] : *spelled;
    const SpecMount* found = nullptr;
    for (std::size_t i = 0; i < spec_.mounts.size(); ++i) {
      const auto place = place_of(spec_, edit_, i);
      if (place && is_above(*place, target)) found = &spec_.mounts[i];
    }
    return found;
  }

  // A volume over /dev brings the host's nodes along.
  Status covered(const PlannedOp& planned, const SpecMount& above) {
    const std::string& target = target_of(planned.op)->text();
    const bool node = std::holds_alternative<BindDevice>(planned.op);
    if (planned.necessity == Necessity::kRequired && !node) {
      return fail(
          ErrorKind::kRefused,
          concat(in_quotes(target), " lies on the volume at ", in_quotes(above.destination)),
          "do not mount volumes over the directories that receive driver files");
    }
    pieces_.notes.push_back(
        {.what = target, .reason = concat("left out: on the volume at ", above.destination)});
    return {};
  }

  void put(const AllowDevice& op) {
    pieces_.rules.push_back(dumped({{"allow", true},
                                    {"type", "c"},
                                    {"major", op.number.major},
                                    {"minor", op.number.minor},
                                    {"access", "rw"}}));
  }

  void put(const BindDevice& op) {
    add_group(op.access);
    // Who lives in a user namespace can make no node. Runtimes would bind the host's of the same
    // path, and crun 1.8 then loses its current directory, by which its hooks find the bundle.
    if (edit_.in_user_namespace) {
      put_mount(Op(op), edit_.plan.device_root, op.source);
      return;
    }
    pieces_.devices.push_back(dumped({{"path", op.target.text()},
                                      {"type", "c"},
                                      {"major", op.number.major},
                                      {"minor", op.number.minor},
                                      {"fileMode", op.access.mode},
                                      {"uid", op.access.uid},
                                      {"gid", op.access.gid}}));
    pieces_.paths.push_back(op.target.text());
  }

  void put(const BindFile& op) { put_mount(Op(op), edit_.plan.driver_root, op.source); }
  void put(const BindSocket& op) { put_mount(Op(op), edit_.plan.driver_root, op.source); }
  void put(const BindDirectory& op) { put_mount(Op(op), edit_.plan.device_root, op.source); }
  // The hook's.
  void put(const MaskedTree& /*op*/) {}
  void put(const MakeLink& /*op*/) {}
  void put(const UpdateLoaderCache& /*op*/) {}

  void put_mount(const Op& op, const HostPath& root, const HostPath& source) {
    pieces_.mounts.push_back(dumped({{"destination", target_of(op)->text()},
                                     {"type", "bind"},
                                     {"source", host_path(root, source)},
                                     {"options", mount_options(op)}}));
  }

  void add_group(const NodeAccess& access) {
    if (!edit_.add_groups || access.open_to_all() || access.gid == 0) return;
    const auto gid = gid_inside(spec_, access.gid);
    const auto& present = spec_.additional_gids;
    if (!gid || std::find(present.begin(), present.end(), *gid) != present.end()) return;
    const std::string piece = std::to_string(*gid);
    auto& gids = pieces_.gids;
    if (std::find(gids.begin(), gids.end(), piece) == gids.end()) gids.push_back(piece);
  }

  const ContainerSpec& spec_;
  const SpecEdit& edit_;
  OciPieces pieces_;
};

struct Options {
  using List = std::vector<std::string>;
  List operator()(const BindFile& /*op*/) const {
    return {"ro", "nosuid", "nodev", "bind", "rprivate"};
  }
  List operator()(const BindSocket& /*op*/) const {
    return {"ro", "nosuid", "nodev", "noexec", "bind", "rprivate"};
  }
  List operator()(const BindDevice& /*op*/) const {
    return {"ro", "nosuid", "noexec", "bind", "rprivate"};
  }
  List operator()(const BindDirectory& op) const {
    switch (op.use) {
      case DirectoryUse::kRead:
        return {"ro", "nosuid", "nodev", "noexec", "bind", "rprivate"};
      case DirectoryUse::kOpenDevices:
        return {"ro", "nosuid", "noexec", "bind", "rprivate"};
      case DirectoryUse::kWrite:
        break;
    }
    return {"rw", "nosuid", "nodev", "noexec", "bind", "rprivate"};
  }
  template <class NoMount>
  List operator()(const NoMount& /*op*/) const {
    return {};
  }
};

}  // namespace

std::string host_path(const HostPath& root, const HostPath& path) {
  return root == HostPath() ? path.text() : concat(root.text(), path.text());
}

std::vector<std::string> mount_options(const Op& op) { return std::visit(Options{}, op); }

std::string hook_piece(const CompletionHook& hook) {
  return dumped(
      {{"path", hook.program.text()}, {"args", hook.arguments}, {"env", {kHookEnvironment}}});
}

Result<OciPieces> oci_pieces(const ContainerSpec& spec, const SpecEdit& edit) {
  Pieces pieces(spec, edit);
  for (std::size_t i = 0; i < edit.plan.ops.size(); ++i) {
    if (takes(Sink::kSpec, edit.plan.ops[i].op)) TRY(pieces.add(i));
  }
  return pieces.take();
}

}  // namespace gpuhook::render
