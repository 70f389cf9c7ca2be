// SPDX-License-Identifier: Apache-2.0
// Options of libnvidia-container's command line. Those that have no meaning here are taken and
// ignored: nothing is loaded, executed or logged that they could be about.
#include "nvidia_cli.h"

#include <CLI/CLI.hpp>
#include <array>

#include "base/text.h"
#include "base/try.h"
#include "cli.h"
#include "commands.h"

namespace gpuhook::hook {
namespace {

struct Words {
  std::string ignored;
  bool ignored_flag = false;
  std::string root;
  bool no_cgroups = false;
  bool no_devbind = false;
  bool no_persistenced = false;
  bool no_fabricmanager = false;
  bool no_gsp_firmware = false;
  bool no_cntlibs = false;
  std::string compat_mode;
  ConfigureOptions configure;
};

struct Flag {
  const char* names;
  bool Words::*value;
  const char* text;
};

constexpr std::array kFlags{
    Flag{"--no-cgroups", &Words::no_cgroups, "leave the device cgroup alone"},
    Flag{"--no-devbind", &Words::no_devbind, "bind no device nodes"},
    Flag{"--no-persistenced", &Words::no_persistenced, "no socket of nvidia-persistenced"},
    Flag{"--no-fabricmanager", &Words::no_fabricmanager, "no socket of the fabric manager"},
    Flag{"--no-gsp-firmware", &Words::no_gsp_firmware, "no GSP firmware"},
    Flag{"--no-cntlibs", &Words::no_cntlibs, "ignore CUDA libraries of the image"},
};

struct CapabilityFlag {
  const char* names;
  Capability capability;
};

constexpr std::array kCapabilityFlags{
    CapabilityFlag{"-c,--compute", Capability::kCompute},
    CapabilityFlag{"--compat32", Capability::kCompat32},
    CapabilityFlag{"-D,--display", Capability::kDisplay},
    CapabilityFlag{"-g,--graphics", Capability::kGraphics},
    CapabilityFlag{"-n,--ngx", Capability::kNgx},
    CapabilityFlag{"-u,--utility", Capability::kUtility},
    CapabilityFlag{"-v,--video", Capability::kVideo},
};

void add_globals(CLI::App& app, Words& words) {
  app.add_option("-d,--debug", words.ignored, "ignored");
  app.add_flag("-k,--load-kmods", words.ignored_flag, "ignored: modules are never loaded");
  app.add_flag("-n,--no-pivot", words.ignored_flag, "ignored: no program runs in the container");
  app.add_option("-u,--user", words.ignored, "ignored: see driver-library.user in gpu-hook.toml")
      ->expected(0, 1);
  app.add_option("-r,--root", words.root, "directory with the driver's files");
  app.add_option("-l,--ldcache", words.ignored, "ignored: directories are found without one");
  app.add_flag("--no-create-imex-channels", words.ignored_flag,
               "ignored: channels are never created");
}

void add_configure(CLI::App& app, Words& words) {
  CLI::App* const command = app.add_subcommand("configure", "inject into a container");
  ConfigureOptions& wanted = words.configure;
  command->add_option("-p,--pid", wanted.pid, "first process of the container")->required();
  command->add_option("-d,--device", wanted.request.devices, "devices")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command->add_option("-r,--require", wanted.request.requirements, "condition")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command->add_option("-l,--ldconfig", words.ignored, "ignored: the cache is written directly");
  command->add_option("--imex-channel", wanted.request.imex_channels, "IMEX channels")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command->add_option("--mig-config", wanted.request.mig_config, "all");
  command->add_option("--mig-monitor", wanted.request.mig_monitor, "all");
  command->add_option("--cuda-compat-mode", words.compat_mode, "mount, ldconfig or disabled");
  for (const Flag& flag : kFlags) command->add_flag(flag.names, words.*flag.value, flag.text);
  for (const CapabilityFlag& flag : kCapabilityFlags) {
    command->add_flag_callback(
        flag.names,
        [&wanted, capability = flag.capability] {
          wanted.request.capabilities.emplace_back(name_of(capability));
        },
        "driver capability");
  }
  command->add_option("rootfs", wanted.rootfs, "root directory of the container")->required();
}

Result<Settings> settings_of(const Words& words) {
  Settings settings;
  if (!words.root.empty()) settings.driver_root = TRY(doing("--root", HostPath::parse(words.root)));
  settings.no_cgroups = words.no_cgroups;
  settings.no_cuda_compat = words.no_cntlibs || words.compat_mode == "disabled";
  if (words.no_devbind) settings.leave_out.insert(Omission::kDeviceNodes);
  if (words.no_persistenced) settings.leave_out.insert(Omission::kPersistenced);
  if (words.no_fabricmanager) settings.leave_out.insert(Omission::kFabricmanager);
  if (words.no_gsp_firmware) settings.leave_out.insert(Omission::kGspFirmware);
  return settings;
}

Status configure_as_told(const Words& words) {
  return configure(words.configure, TRY(settings_of(words)));
}

}  // namespace

bool is_nvidia_cli_name(const char* program) {
  const std::string_view path = program == nullptr ? "" : program;
  return path.substr(path.rfind('/') + 1) == "nvidia-container-cli";
}

ExitCode run_nvidia_cli(int argc, const char* const* argv) {
  Words words;
  CLI::App app("gpu-hook in the place of nvidia-container-cli.", "nvidia-container-cli");
  app.require_subcommand(1);
  // As argp has it, the last of several values counts.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.set_version_flag("-V,--version", concat("cli-version: ", library_version()));
  add_globals(app, words);
  add_configure(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage(app, error) == ExitCode::kOk ? ExitCode::kOk : ExitCode::kFailed;
  }
  return report(configure_as_told(words));
}

}  // namespace gpuhook::hook
