// SPDX-License-Identifier: Apache-2.0
// What a container will receive: plain data that can be compared, printed, applied or written into
// another format.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gpuhook/container.h"
#include "gpuhook/inventory.h"
#include "gpuhook/request.h"
#include "gpuhook/values.h"

namespace gpuhook {

// What a container may do with a bound directory.
enum class DirectoryUse : std::uint8_t {
  kRead,         // read-only
  kOpenDevices,  // read-only, but its device nodes can be opened
  kWrite,        // talk to a daemon through what lies in it
};
std::string_view name_of(DirectoryUse use);

// A driver file bound read-only (ro, nosuid, nodev) onto a file of the container. Source in the
// driver root.
struct BindFile {
  HostPath source;
  ContainerPath target;
  bool operator==(const BindFile&) const = default;
};
// A device node bound read-only (ro, nosuid, noexec: chmod and chown of the host's inode fail).
// Source in the device root.
struct BindDevice {
  HostPath source;
  ContainerPath target;
  DeviceNumber number;     // apply refuses a source whose st_rdev differs
  NodeAccess access = {};  // for sinks that have a new node made
  bool operator==(const BindDevice&) const = default;
};
// Read and write, not mknod, of one character device in the container's device cgroup.
struct AllowDevice {
  DeviceNumber number;
  bool operator==(const AllowDevice&) const = default;
};
// A daemon's socket bound read-only (ro, nosuid, nodev, noexec), which does not hinder connecting.
// Source in the driver root.
struct BindSocket {
  HostPath source;
  ContainerPath target;
  bool operator==(const BindSocket&) const = default;
};
// A directory of the host that changes while containers run, bound without what is mounted below
// it (nosuid, noexec). Source in the device root.
struct BindDirectory {
  HostPath source;
  ContainerPath target;
  DirectoryUse use = DirectoryUse::kRead;
  bool operator==(const BindDirectory&) const = default;
};
// A symbolic link to a file beside it or in the directory above. Where the image has a regular file
// of this name, `covered_by` is bound onto it.
struct MakeLink {
  ContainerPath target;
  std::string points_to;               // "name" or "../name"
  std::optional<HostPath> covered_by;  // in the driver root
  bool operator==(const MakeLink&) const = default;
};
// A read-only tmpfs over a directory, filled before it becomes visible.
struct MaskedTree {
  ContainerPath target;
  std::vector<ProcFile> files;
  // Make the directory where the image has none. In procfs nothing can be made, and nothing needs
  // hiding where the directory does not exist.
  bool create = false;
  bool operator==(const MaskedTree&) const = default;
};
// One library the container's loader must find by name.
struct LoaderEntry {
  std::string soname;
  ContainerPath path;
  bool compat32 = false;
  bool operator==(const LoaderEntry&) const = default;
};
// Entries put before those of the image's own /etc/ld.so.cache; of two for one name, the first is
// found.
struct UpdateLoaderCache {
  ContainerPath target;
  std::vector<LoaderEntry> entries;
  bool operator==(const UpdateLoaderCache&) const = default;
};

using Op = std::variant<AllowDevice, BindDevice, BindFile, BindSocket, BindDirectory, MaskedTree,
                        MakeLink, UpdateLoaderCache>;

enum class Necessity : std::uint8_t {
  kRequired,  // without it the container does not start
  kOptional,  // its failure is a note in the report
};

struct PlannedOp {
  Op op;
  Necessity necessity = Necessity::kRequired;
  std::string reason;  // "libcuda of driver 580.159.04, for compute"
  bool operator==(const PlannedOp&) const = default;
};

struct InjectionPlan {
  HostPath driver_root;
  HostPath device_root;
  DriverVersion driver;
  std::vector<std::uint32_t> gpus;  // indices of the visible GPUs, ascending
  std::vector<MigIndex> mig;        // the visible MIG devices of these, ascending
  std::vector<PlannedOp> ops;
  std::vector<Note> notes;
  bool operator==(const InjectionPlan&) const = default;
};

// The container path an op writes to; null for AllowDevice.
const ContainerPath* target_of(const Op& op);
// "bind-file", "allow-device", ...: the name of the op's kind in plan JSON.
std::string_view kind_of(const Op& op);

// Where ops can be carried out.
enum class Sink : std::uint8_t {
  kApply,       // in a container that was created: all of them
  kSpec,        // in an OCI or CDI specification, by the container runtime: nodes, rules, binds
  kCompletion,  // by a hook after the runtime has carried out such a specification: the rest
};
// The table of it.
bool takes(Sink sink, const Op& op);
// The plan with the ops that `sink` takes, in their order.
InjectionPlan part_for(Sink sink, InjectionPlan plan);

// Whether planning for `request` needs answers of the driver library: it names a MIG device by
// UUID, or a requirement hangs on a GPU's brand or architecture. Pure.
bool needs_driver_library(const Request& request, const Inventory& inventory);

// Plans what a container receives. Pure: equal arguments give equal plans, on any machine.
//
// Ops come in canonical order (cgroup rules, nodes, files, links, proc, loader cache); two ops
// never share a target. Whatever was asked for but not planned is named in `notes` with the reason,
// so that an empty plan can be explained.
//
// Errors: kUnmetRequirement when an expression of `request` is false for one of the GPUs (the
//         message shows needed and found);
//         kNotFound when a requested GPU, MIG device or IMEX channel is not in the inventory;
//         kNoDriver when a library that a requested capability cannot do without is missing.
Result<InjectionPlan> make_plan(const Request& request, const Inventory& inventory,
                                const Container& container, const Config& config = {});

// The invariants that every plan holds, also one read back from JSON: no target twice, no target
// outside the places an injection may write, link texts without slash, every bound device allowed.
// Errors: kRefused, naming the op.
Status check_plan(const InjectionPlan& plan);

}  // namespace gpuhook
