// SPDX-License-Identifier: Apache-2.0
// The verbs of libgpuhook. Data flows one way: request, inventory and container make a plan; a plan
// is applied or printed.
//
//   auto decision = decide_request(spec, config);     what the container asks for
//   auto inventory = probe_host(config);              what the machine offers
//   if (needs_driver_library(request, inventory))
//     inventory = ask_driver_library(std::move(inventory), config);
//   auto target = Target::of_process(pid, rootfs);    the container, held by file descriptors
//   auto plan = make_plan(request, inventory, container, config);     with inspect(target)
//   auto report = apply_plan(plan, target, config);
//
// The library never logs, prints, exits, reads the environment or the current directory. It starts
// no process but the helper named in DriverQuestions, and that only for the few requests that need
// it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gpuhook/config.h"
#include "gpuhook/container.h"
#include "gpuhook/inventory.h"
#include "gpuhook/plan.h"
#include "gpuhook/report.h"
#include "gpuhook/request.h"
#include "gpuhook/result.h"
#include "gpuhook/spec.h"

namespace gpuhook {

// The version of the library and of the gpu-hook program, "MAJOR.MINOR.PATCH".
std::string_view library_version();

// The OCI configuration of the bundle directory.
// Errors: kNotFound, kBadInput; kRefused when config.json is no regular file in the bundle.
Result<ContainerSpec> read_bundle(const HostPath& bundle);

// The text of the bundle's config.json, for edits. Errors as above.
Result<std::string> read_bundle_config(const HostPath& bundle);
// Replaces it by rename, with owner and mode kept. Errors: kSystem, kRefused.
Status replace_bundle_config(const HostPath& bundle, std::string_view config_json);

// The container's root directory as an absolute path without links, as the host sees it.
// Errors: kNotFound.
Result<HostPath> rootfs_of(const ContainerSpec& spec, const HostPath& bundle);

// Looks at the host: /proc/driver/nvidia, /proc/devices, the device root's dev/, the driver root's
// files. Reads only; opens no device, executes nothing.
//
// Errors: kNoDriver when the kernel module is not loaded, or when no library of the module's
// version is installed (the message names both versions).
Result<Inventory> probe_host(const Config& config);

// The inventory with what the driver's management library knows beyond the kernel's texts: UUIDs of
// MIG devices, brand, architecture, the exact CUDA version. Starts the helper program of `config`
// and waits for its answer or the deadline. Never an error: what could not be learnt is told in
// `unanswered` and in the absences.
Inventory ask_driver_library(Inventory inventory, const Config& config);

// The administrator's configuration: `path` if given, else /etc/gpu-hook/gpu-hook.toml, else what
// still has a meaning of /etc/nvidia-container-runtime/config.toml, else the defaults.
//
// Errors: kBadInput with file and line; kRefused when others than root could have written the file;
// kNotFound when `path` does not exist.
struct LoadedConfig {
  Config config;
  std::optional<HostPath> file;  // where it came from; nothing: the defaults
  std::vector<Note> notes;       // keys of the NVIDIA file that have no meaning here
};
Result<LoadedConfig> load_config(const std::optional<HostPath>& path);
// The configuration as a gpu-hook.toml that gives the same one.
std::string config_as_toml(const Config& config);

// A container held by file descriptors, so that nothing can be exchanged behind its name.
class Target {
 public:
  // The container whose first process is `pid`; `rootfs` is its root directory as the container
  // runtime spells it, before or after pivot_root. Needs CAP_SYS_PTRACE over the process.
  //
  // Errors: kNotFound (no such process, no such directory), kRefused (the process shares our mount
  // namespace, or the directory is the host's root), kBadInput (pid below 2).
  static Result<Target> of_process(std::int64_t pid, const HostPath& rootfs);

  // A root directory without a running container: can be inspected and planned for, not applied to.
  static Result<Target> of_directory(const HostPath& rootfs);

  Target(Target&&) noexcept;
  Target& operator=(Target&&) noexcept;
  ~Target();

  struct Parts;  // private to the library
  [[nodiscard]] const Parts& parts() const { return *parts_; }

 private:
  explicit Target(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Which of the inventory's nodes the container has, by their numbers: what an engine's CDI support
// has given it.
std::vector<DeviceNumber> device_nodes_in(const Target& target, const Inventory& inventory);

// Where the mounts of a specification and the targets of a plan lead in the container's image.
PlacesInImage places_in(const Target& target, const ContainerSpec& spec, const InjectionPlan& plan);

// Reads the facts that planning needs from the container's root file system.
Result<Container> inspect(const Target& target);

// Carries out a plan. Needs CAP_SYS_ADMIN and, for a container of another user, CAP_SETUID;
// Linux 5.12.
//
// The calling thread must be alone in its process: it enters the container's mount namespace and
// returns from it. Afterwards its current directory is "/", and a root changed by chroot is the
// namespace's own again. New directories get their modes through the umask, which should be 022.
// Before the first mount everything can still fail without a trace; after it, an error means that
// the container must not be started. Applying the same plan twice changes nothing the second time.
//
// Errors: kUnsupported (kernel too old), kRefused (an unsafe target), kSystem.
Result<Report> apply_plan(const InjectionPlan& plan, const Target& target, const Config& config);

// Carries out the part of a plan that a specification cannot express (Sink::kCompletion), in a
// container whose runtime has carried out the other part; the report is about that part alone.
// `rootfs` is the container's root directory as the host sees it: mount points that the runtime
// made in it get a content that does not disturb ldconfig. Needs and errors as above.
Result<Report> complete_plan(const InjectionPlan& plan, const Target& target,
                             const HostPath& rootfs, const Config& config);

// Whether this process lives in a user namespace other than the initial one (rootless engines).
// Errors: kSystem.
Result<bool> in_user_namespace();

// The plan as lines for people; with `explain`, every op has its reason and everything not planned
// is listed.
std::string plan_as_text(const InjectionPlan& plan, bool explain);
// The plan as JSON, "gpuhookPlan": 1. Equal plans give equal bytes.
std::string plan_as_json(const InjectionPlan& plan);
// The inventory as JSON, "gpuhookInventory": 1.
std::string inventory_as_json(const Inventory& inventory);

// Adds (or removes) the hook `path` as prestart hook to the text of an OCI config.json. Bytes
// outside the edited array are kept; the text is returned unchanged when there is nothing to do.
// Errors: kBadInput when the text is not a usable config.json.
Result<std::string> add_prestart_hook(std::string_view config_json, const HostPath& path);
Result<std::string> remove_prestart_hook(std::string_view config_json, const HostPath& path);

// The same for the config.json of a bundle, replaced by rename with owner and mode kept. False when
// nothing had to change.
Result<bool> register_hook(const HostPath& bundle, const HostPath& path);
Result<bool> unregister_hook(const HostPath& bundle, const HostPath& path);

// The fields of an OCI state document that a hook needs.
struct ContainerState {
  std::string id;
  std::int64_t pid = 0;
  HostPath bundle;
  // The container's root directory, where the runtime tells it by an absolute path. crun does, and
  // it is crun 1.8 that calls "/" the bundle of containers with devices in a user namespace.
  std::optional<HostPath> root;
  bool operator==(const ContainerState&) const = default;
};

// Errors: kBadInput when malformed, ambiguous or too large, or when the pid cannot be a container's
// at a hook stage that runs on the host.
Result<ContainerState> parse_state(std::string_view state_json);

}  // namespace gpuhook
