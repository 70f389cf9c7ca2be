// SPDX-License-Identifier: Apache-2.0
// Between the command line and the library's plan for an engine.
#include "setup_command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "base/try.h"
#include "commands.h"

namespace gpuhook::hook {
namespace {

constexpr std::string_view kRuntime = "gpu-hook-runtime";

void print(const std::string& text) {
  (void)std::fputs(text.c_str(), stdout);
}  // main checks the stream at the end

// Text of a file can have what terminals obey.
std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(),
      [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
      },
      '?');
  return out;
}

Result<EngineSetup> setup_of(const SetupOptions& options) {
  EngineSetup setup;
  setup.engine = TRY(parse_engine(options.engine));
  setup.hook = TRY(HostPath::parse(own_path()));
  setup.runtime = options.runtime.empty() ? setup.hook.parent() / kRuntime
                                          : TRY(path_argument(options.runtime));
  if (!options.file.empty()) setup.file = TRY(path_argument(options.file));
  setup.set_default = options.set_default;
  setup.cdi = options.cdi;
  setup.hook_file = options.hook_file;
  setup.remove = options.remove;
  return setup;
}

// Engines notice a missing runtime only when a container is to start; as the default one, that is
// every container.
Status check_runtime(const EngineSetup& setup) {
  if (setup.remove || setup.hook_file || access(setup.runtime.text().c_str(), X_OK) == 0) return {};
  return fail(ErrorKind::kNotFound, concat(in_quotes(setup.runtime.text()), " is no program"),
              "install it, or name it by --runtime");
}

// An engine's program where distributions and snaps have it.
bool is_installed(Engine engine) {
  const std::string_view program = engine == Engine::kDocker ? "dockerd" : name_of(engine);
  for (const std::string_view directory :
       {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/", "/snap/bin/",
        "/var/lib/rancher/rke2/bin/", "/opt/rke2/bin/"}) {
    if (access(concat(directory, program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

void add_remarks(const EngineSetup& setup, EngineChanges& changes) {
  if (setup.remove) return;
  if (!setup.file && !is_installed(setup.engine))
    changes.remarks.push_back(concat("no program of ", name_of(setup.engine), " was found here"));
  if (setup.cdi && setup.engine == Engine::kDocker)
    changes.remarks.emplace_back("Docker knows the feature cdi since version 25");
}

// What --remove needs to know; nobody has to read it.
bool is_bookkeeping(const FileChange& change) { return change.path.text().ends_with(".gpu-hook"); }

void print_changes(const EngineChanges& changes) {
  for (const FileChange& change : changes.files) {
    const HostPath real = file_behind(change.path);
    if (real != change.path)
      print(concat(one_line(change.path.text()), " leads to ", one_line(real.text()), "\n"));
    if (is_bookkeeping(change)) {
      print(concat(one_line(change.path.text()),
                   change.after ? ": keeps what --remove needs\n" : ": removed\n"));
    } else {
      print(printable(unified_diff(change)));
    }
  }
}

}  // namespace

Status setup_engine(const SetupOptions& options) {
  const EngineSetup setup = TRY(setup_of(options));
  EngineChanges changes = TRY(plan_engine_setup(setup, &read_engine_file));
  TRY(check_runtime(setup));
  add_remarks(setup, changes);
  if (!options.dry_run) TRY(write_engine_changes(changes));
  print_changes(changes);
  for (const std::string& remark : changes.remarks) print(remark + "\n");
  if (changes.files.empty()) {
    print(concat("nothing to do: ", options.engine,
                 setup.remove ? " has nothing of" : " is set up for",
                 " gpu-hook; no restart needed\n"));
  } else {
    print(concat(changes.restart, "\n"));
  }
  return {};
}

}  // namespace gpuhook::hook
