// SPDX-License-Identifier: Apache-2.0
// Wiring the runtime gpu-hook-runtime, or the hook itself, into container engines: what to change
// in which of their files, and changing it.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/values.h"

namespace gpuhook {

enum class Engine : std::uint8_t { kDocker, kContainerd, kCrio, kPodman, kK3s, kRke2, kMicrok8s };

inline constexpr std::array kAllEngines{Engine::kDocker,  Engine::kContainerd, Engine::kCrio,
                                        Engine::kPodman,  Engine::kK3s,        Engine::kRke2,
                                        Engine::kMicrok8s};

std::string_view name_of(Engine engine);
// Errors: kBadInput, naming those that are known.
Result<Engine> parse_engine(std::string_view name);

// The state that an engine's configuration shall have. What an earlier setup wrote and this one
// does not ask for is taken back.
struct EngineSetup {
  Engine engine = Engine::kDocker;
  // The program that becomes the engine's runtime "nvidia". Printable ASCII without quotes and
  // backslashes, so that every configuration language spells it alike.
  HostPath runtime;
  // The program that a hooks.d file names; the same characters.
  HostPath hook;
  bool set_default = false;  // containers that name no runtime use it too
  bool cdi = false;          // the engine itself accepts CDI device names
  // With a file for the engine's hooks.d in place of a runtime; CRI-O and podman have that.
  bool hook_file = false;
  // Takes out what setup wrote: all of it, or the hooks.d file alone with `hook_file`.
  bool remove = false;
  // The file to edit. Unset: the engine's usual place, a drop-in file where it has such.
  std::optional<HostPath> file;
};

// A file before and after. Nothing stands for a file that is not there.
struct FileChange {
  HostPath path;
  std::optional<std::string> before;
  std::optional<std::string> after;
  std::uint32_t mode = 0644;  // of a new file
  bool operator==(const FileChange&) const = default;
};

struct EngineChanges {
  std::vector<FileChange> files;     // only those that change, in the order of writing
  std::vector<std::string> remarks;  // what else somebody should know, a line each
  std::string restart;               // what has to happen for changes to take effect, a line
  bool operator==(const EngineChanges&) const = default;
};

// The content of a file; nothing when it does not exist.
using ReadFile = std::function<Result<std::optional<std::string>>(const HostPath& path)>;

// Decides what to change. Pure but for `read`: the same contents give the same changes.
//
// Bytes that are no part of the change stay as they are, and everything written can be taken out
// again: in TOML and templates it stands between marks, with the lines that it replaced as
// comments; for JSON the file's neighbour NAME.gpu-hook remembers what was there. Applying the same
// setup to what it gave changes nothing. Each result is parsed, and compared with what it should
// say.
//
// Errors: kBadInput when a file cannot be parsed, or has another form than the edit needs;
//         kRefused when the engine has no such thing as was asked for; kNotFound when the engine is
//         not there; errors of `read`.
Result<EngineChanges> plan_engine_setup(const EngineSetup& setup, const ReadFile& read);

// The hooks.d file (man 5 oci-hooks) that runs `hook` at stage createRuntime of every container.
std::string hooks_d_file(const HostPath& hook);

// A ReadFile for the host's own files. Errors: kRefused when it is no regular file, or has more
// than 1 MiB.
Result<std::optional<std::string>> read_engine_file(const HostPath& path);

// Where writing to `path` writes: the file that a link leads to, else `path`.
HostPath file_behind(const HostPath& path);

// Writes each file beside its place and renames it; mode and owner of a replaced file are kept, a
// new one has mode 0644 and its directories 0755. Nothing is restarted or told.
//
// Errors: kRefused, before anything is written, when a file is no longer what it was in the plan;
//         kSystem, with what was written before still in place.
Status write_engine_changes(const EngineChanges& changes);

// The change as a unified diff with three lines of context; empty when there is none.
std::string unified_diff(const FileChange& change);

}  // namespace gpuhook
