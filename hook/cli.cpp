// SPDX-License-Identifier: Apache-2.0
// The command line, by CLI11. The only place that knows option names.
#include "cli.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "base/try.h"
#include "cdi_cli.h"
#include "commands.h"
#include "completion.h"
#include "setup_command.h"

namespace gpuhook::hook {
namespace {

constexpr std::size_t kMaxStateBytes = std::size_t{1} << 20U;

struct Options {
  CdiOptions cdi;
  CompletionOptions completion;
  std::string config;
  std::string leave_out;
  std::string driver_root;
  std::string device_root;
  bool no_cgroups = false;
  ConfigureOptions configure;
  std::string bundle;
  std::string hook_path;
  bool json = false;
  bool explain = false;
  bool csv = false;
  bool remove = false;
  SetupOptions setup;
};

Result<std::optional<HostPath>> path_option(std::string_view option, const std::string& value) {
  if (value.empty()) return std::optional<HostPath>();
  return std::optional<HostPath>(TRY(doing(option, HostPath::parse(value))));
}

Result<Settings> settings_of(const Options& options) {
  Settings settings;
  settings.file = TRY(path_option("--config", options.config));
  settings.driver_root = TRY(path_option("--driver-root", options.driver_root));
  settings.device_root = TRY(path_option("--device-root", options.device_root));
  settings.no_cgroups = options.no_cgroups;
  for (const std::string_view name : split(options.leave_out, ',')) {
    if (!trimmed(name).empty())
      settings.leave_out.insert(TRY(doing("--leave-out", parse_omission(trimmed(name)))));
  }
  return settings;
}

Result<std::string> read_state() {
  std::string state;
  std::vector<char> chunk(65536);
  while (state.size() <= kMaxStateBytes) {
    const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), stdin);
    if (got == 0) break;
    state.append(chunk.data(), got);
  }
  if (std::ferror(stdin) != 0) return fail(ErrorKind::kBadInput, "standard input cannot be read");
  return state;
}

Status run_hook(const Settings& settings) { return prestart(TRY(read_state()), settings); }

void add_hook_stages(CLI::App& app, Action& action) {
  for (const char* const stage : {"prestart", "createRuntime"}) {
    CLI::App* const command = app.add_subcommand(
        stage, "OCI hook: inject what the container asks for; state JSON on stdin");
    command->callback([&action] { action = &run_hook; });
  }
}

// Hooks of these stages run too late or inside the container; a hook list that names us there is a
// mistake to be told.
void add_refused_stages(CLI::App& app, Action& action) {
  for (const char* const stage : {"createContainer", "startContainer", "poststart", "poststop"}) {
    app.add_subcommand(stage)->group("")->callback([&action, stage] {
      action = [stage](const Settings& /*settings*/) -> Status {
        return fail(ErrorKind::kBadInput, concat("this is no hook for stage ", stage),
                    "register it at stage prestart or createRuntime");
      };
    });
  }
}

// Written into specifications by this program itself; nobody types it.
void add_complete(CLI::App& app, Options& options, Action& action) {
  CLI::App* const command = app.add_subcommand(
      "complete", "OCI hook of edited specifications: what a specification cannot express");
  CompletionOptions& wanted = options.completion;
  command
      ->add_option("--device", wanted.request.devices,
                   "as for configure, or of-spec: those whose nodes the container has")
      ->allow_extra_args(false)
      ->required();
  command->add_option("--capability", wanted.request.capabilities, "driver capabilities")
      ->allow_extra_args(false);
  command->add_option("--mig-config", wanted.request.mig_config, "all");
  command->add_option("--mig-monitor", wanted.request.mig_monitor, "all");
  command->add_option("--libraries", wanted.libraries,
                      "where the libraries are mounted, multiarch or lib64");
  command->add_option("--name-by", wanted.name_by, "not used here; see cdi refresh");
  command->add_option("--made-for", wanted.made_for, "refuse hosts with another driver");
  command->callback([&] {
    wanted.devices_of_spec = wanted.request.devices == std::vector<std::string>{"of-spec"};
    if (wanted.devices_of_spec) wanted.request.devices.clear();
    action = [&wanted](const Settings& settings) -> Status {
      return complete(TRY(read_state()), wanted, settings);
    };
  });
}

void add_configure(CLI::App& app, Options& options, Action& action) {
  CLI::App* const command =
      app.add_subcommand("configure", "inject into a running container without a bundle");
  ConfigureOptions& wanted = options.configure;
  command->add_option("--pid", wanted.pid, "first process of the container, as the host numbers it")
      ->required();
  command
      ->add_option(
          "--device", wanted.request.devices,
          "all, none, an index, GPU-<uuid>, a PCI address, MIG-<uuid> or <gpu>:<mig>; comma list, "
          "repeatable "
          "(default: none, driver files only)")
      ->allow_extra_args(false);
  command
      ->add_option("--capability", wanted.request.capabilities,
                   "driver capabilities, comma list (default: compute,utility)")
      ->allow_extra_args(false);
  command
      ->add_option("--require", wanted.request.requirements,
                   "condition such as cuda>=12.2, repeatable")
      ->allow_extra_args(false);
  command
      ->add_option("--imex-channel", wanted.request.imex_channels,
                   "IMEX channels, comma list, repeatable")
      ->allow_extra_args(false);
  command->add_option("--mig-config", wanted.request.mig_config,
                      "all: the right to create MIG devices on the GPUs");
  command->add_option("--mig-monitor", wanted.request.mig_monitor,
                      "all: the right to watch MIG devices of the GPUs");
  command->add_flag("--dry-run", wanted.dry_run, "print the plan and change nothing");
  command
      ->add_option("rootfs", wanted.rootfs,
                   "the container's root directory, as its runtime spells it on the host")
      ->required();
  command->callback([&] {
    action = [&wanted](const Settings& settings) { return configure(wanted, settings); };
  });
}

void add_plan(CLI::App& app, Options& options, Action& action) {
  CLI::App* const command =
      app.add_subcommand("plan", "show what a bundle's container would get; changes nothing");
  command->add_option("--bundle", options.bundle, "directory with config.json")->required();
  CLI::Option* const json = command->add_flag("--json", options.json, "as JSON");
  command
      ->add_flag("--explain", options.explain, "with reasons, and with what is not there and why")
      ->excludes(json);
  command->callback([&] {
    const PlanFormat format = options.json      ? PlanFormat::kJson
                              : options.explain ? PlanFormat::kExplain
                                                : PlanFormat::kText;
    action = [&options, format](const Settings& settings) {
      return plan(options.bundle, format, settings);
    };
  });
}

void add_host_commands(CLI::App& app, Options& options, Action& action) {
  CLI::App* const info_command = app.add_subcommand("info", "show the driver and the GPUs");
  CLI::Option* const json =
      info_command->add_flag("--json", options.json, "as JSON, with all driver files");
  info_command->add_flag("--csv", options.csv, "as comma separated values")->excludes(json);
  info_command->callback([&] {
    const InfoFormat format = options.json  ? InfoFormat::kJson
                              : options.csv ? InfoFormat::kCsv
                                            : InfoFormat::kText;
    action = [format](const Settings& settings) { return info(format, settings); };
  });
  CLI::App* const list_command =
      app.add_subcommand("list", "list device nodes and driver files, one path a line");
  list_command->callback(
      [&action] { action = [](const Settings& settings) { return list(settings); }; });
}

void add_config(CLI::App& app, Action& action) {
  app.add_subcommand("config", "show the configuration in force and where it came from")
      ->callback(
          [&action] { action = [](const Settings& settings) { return show_config(settings); }; });
}

void add_register(CLI::App& app, Options& options, Action& action) {
  CLI::App* const command =
      app.add_subcommand("register", "add this program as prestart hook to a bundle");
  command->add_option("--bundle", options.bundle, "directory with config.json")->required();
  command->add_option("--hook", options.hook_path, "path of the hook (default: this program)");
  command->add_flag("--remove", options.remove, "take the hook out again");
  command->callback([&] {
    action = [&options](const Settings& /*settings*/) {
      return edit_registration(options.bundle, options.hook_path, options.remove);
    };
  });
}

void add_setup(CLI::App& app, SetupOptions& options, Action& action) {
  CLI::App* const command =
      app.add_subcommand("setup", "make gpu-hook-runtime the runtime nvidia of a container engine");
  std::vector<std::string> names;
  for (const Engine engine : kAllEngines) names.emplace_back(name_of(engine));
  command->add_option("engine", options.engine, "the engine")
      ->required()
      ->check(CLI::IsMember(names));
  CLI::Option* const set_default = command->add_flag("--set-default", options.set_default,
                                                     "also for containers that name no runtime");
  CLI::Option* const cdi =
      command->add_flag("--cdi", options.cdi, "let the engine accept CDI device names");
  command
      ->add_flag("--hook", options.hook_file,
                 "a hooks.d file in place of a runtime; crio and podman only")
      ->excludes(set_default)
      ->excludes(cdi);
  command->add_flag("--remove", options.remove, "take out what setup wrote")
      ->excludes(set_default)
      ->excludes(cdi);
  command->add_flag("--dry-run", options.dry_run, "print what would change and change nothing");
  command->add_option("--config", options.file, "the engine's file (default: its usual place)");
  command->add_option("--runtime", options.runtime,
                      "the runtime (default: gpu-hook-runtime beside this program)");
  command->callback(
      [&] { action = [&options](const Settings& /*settings*/) { return setup_engine(options); }; });
}

void add_version(CLI::App& app, Action& action) {
  app.add_subcommand("version", "print the version")->callback([&action] {
    action = [](const Settings& /*settings*/) -> Status {
      (void)std::puts(concat("gpu-hook ", library_version()).c_str());
      return {};
    };
  });
}

}  // namespace

ExitCode report(const Status& status) {
  const bool written = std::fflush(stdout) == 0;  // before what goes to standard error
  if (status && (written || errno == EPIPE)) return ExitCode::kOk;  // the reader has seen enough
  const std::string why = status ? "standard output cannot be written" : to_line(status.error());
  (void)std::fputs(concat("gpu-hook: ", why, "\n").c_str(), stderr);
  return ExitCode::kFailed;
}

namespace {

// "gpu-hook setup": the innermost command that was understood.
std::string command_of(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  if (commands.empty()) return app.get_name();
  return concat(app.get_name(), " ", command_of(*commands.front()));
}

}  // namespace

// CLI11 writes several lines for a wrong command line; callers of a hook see one.
ExitCode usage(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return static_cast<ExitCode>(app.exit(error));  // --help
  std::string line = error.what();
  // CLI11 says that a command is missing even where an unknown one was given.
  if (const auto rest = app.remaining(); app.get_subcommands().empty() && !rest.empty())
    line = concat("unknown command ", in_quotes(rest.front()));
  line = one_line(std::move(line));
  (void)std::fputs(concat("gpu-hook: ", line, "; see ", command_of(app), " --help\n").c_str(),
                   stderr);
  return ExitCode::kUsage;
}

ExitCode run(int argc, const char* const* argv) {
  Options options;
  Action action;
  CLI::App app("Gives containers their NVIDIA GPUs.", "gpu-hook");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", concat("gpu-hook ", library_version()));
  app.add_option("--config", options.config,
                 "configuration file, absolute path (default: /etc/gpu-hook/gpu-hook.toml)");
  app.add_option("--leave-out", options.leave_out,
                 "what not to inject, comma list of device-nodes, fabricmanager, gsp-firmware, "
                 "mps, persistenced");
  app.add_option(
      "--driver-root", options.driver_root,
      "directory with the driver's files, absolute path (default: /, /run/nvidia/driver)");
  app.add_option("--device-root", options.device_root,
                 "directory whose dev/ has the device nodes (default: /)");
  app.add_flag("--no-cgroups", options.no_cgroups, "leave the container's device cgroup alone");
  add_hook_stages(app, action);
  add_refused_stages(app, action);
  add_cdi(app, options.cdi, action);
  add_complete(app, options, action);
  add_configure(app, options, action);
  add_plan(app, options, action);
  add_host_commands(app, options, action);
  add_config(app, action);
  add_register(app, options, action);
  add_setup(app, options.setup, action);
  add_version(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage(app, error);
  }
  const Result<Settings> settings = settings_of(options);
  if (!settings) {
    (void)report(Status(tl::unexpected<Error>(settings.error())));
    return ExitCode::kUsage;
  }
  return report(action(*settings));
}

}  // namespace gpuhook::hook
