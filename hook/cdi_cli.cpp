// SPDX-License-Identifier: Apache-2.0
// Options of the four commands.
#include "cdi_cli.h"

#include <CLI/CLI.hpp>

namespace gpuhook::hook {
namespace {

void add_making_options(CLI::App& command, CdiOptions& options) {
  command
      .add_option("--capability", options.capabilities,
                  "driver capabilities, comma list (default: all)")
      ->allow_extra_args(false);
  command.add_option("--format", options.format, "json or yaml (default: by the file's name)");
  command.add_option("--name-by", options.name_by,
                     "what devices are called: index, uuid or both (default: both)");
  command.add_option("--libraries", options.libraries,
                     "where libraries go, multiarch or lib64 (default: as the host has its own)");
}

void add_directories(CLI::App& command, CdiOptions& options) {
  command
      .add_option("--spec-dir", options.spec_dirs,
                  "directory of specifications, repeatable (default: /etc/cdi, /run/cdi)")
      ->allow_extra_args(false);
}

}  // namespace

void add_cdi(CLI::App& app, CdiOptions& options, Action& action) {
  CLI::App* const cdi = app.add_subcommand("cdi", "specifications for engines with CDI support");
  cdi->require_subcommand(1);
  const auto add = [&](const char* name, const char* text, auto run) {
    CLI::App* const command = cdi->add_subcommand(name, text);
    command->callback([&options, &action, run] {
      action = [&options, run](const Settings& settings) { return run(options, settings); };
    });
    return command;
  };
  CLI::App* const generate = add("generate", "write the specification of this host", &cdi_generate);
  generate->add_option("--output", options.file, "file to write (default: standard output)");
  add_making_options(*generate, options);
  CLI::App* const list =
      add("list", "show the devices in specification files",
          [](const CdiOptions& wanted, const Settings& /*settings*/) { return cdi_list(wanted); });
  add_directories(*list, options);
  CLI::App* const verify =
      add("verify", "compare gpu-hook's specifications with the host", &cdi_verify);
  verify->add_option("file", options.file, "the file (default: all in the directories)");
  add_directories(*verify, options);
  CLI::App* const refresh =
      add("refresh", "rewrite gpu-hook's specifications where the host differs", &cdi_refresh);
  refresh->add_option("--output", options.file,
                      "the file (default: all in the directories, else /run/cdi/nvidia.json)");
  refresh->add_flag("--quiet", options.quiet, "say only what was changed");
  add_making_options(*refresh, options);
  add_directories(*refresh, options);
}

}  // namespace gpuhook::hook
