// SPDX-License-Identifier: Apache-2.0
// Edits in a child with the hygiene of a hook; the process itself only waits and hands over.
#include "runtime.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "base/try.h"
#include "completion.h"
#include "gpuhook/engines.h"
#include "hygiene.h"
#include "runtime_args.h"
#include "runtime_log.h"

namespace gpuhook::hook {
namespace {

constexpr std::string_view kUsualDirectories =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// --- the specification ---

Result<SpecEdit> edit_for(const ContainerSpec& spec, const Request& request, const HostPath& bundle,
                          const Config& config) {
  const Target target = TRY(Target::of_directory(TRY(rootfs_of(spec, bundle))));
  const Inventory inventory = TRY(inventory_for(request, config));
  const Container container = TRY(inspect(target));
  SpecEdit edit;
  edit.plan = TRY(make_plan(request, inventory, container, config));
  const CompletionOptions options{.request = {},
                                  .libraries = std::string(name_of(container.libraries))};
  edit.hook = TRY(completion_hook(edit.plan, request, options, Settings()));
  edit.fingerprint = fingerprint_of(inventory);
  edit.places = places_in(target, spec, edit.plan);
  const bool rootless = TRY(in_user_namespace());
  edit.in_user_namespace = spec.has_user_namespace || rootless;
  // Groups of the host have no number inside of our own user namespace.
  edit.add_groups = config.add_device_groups && !rootless;
  return edit;
}

// A specification that was edited before stays as it is, if it still says what it said: for the
// request it was edited for, and this host's driver.
Status check_earlier_edit(const ContainerSpec& spec, const Config& config) {
  const std::optional<std::string> edited = earlier_edit(spec);
  if (!edited) return {};
  constexpr std::string_view kRemedy = "make the bundle's config.json anew";
  constexpr std::string_view kVariable = "NVIDIA_VISIBLE_DEVICES=";
  std::string_view devices = "void";
  for (const std::string_view entry : spec.env) {
    if (entry.starts_with(kVariable)) devices = entry.substr(kVariable.size());
  }
  if (devices != "void") {
    return fail(ErrorKind::kRefused,
                concat("NVIDIA_VISIBLE_DEVICES is ", in_quotes(devices),
                       " in a config.json that was edited for another request"),
                std::string(kRemedy));
  }
  const std::string now = fingerprint_of(TRY(probe_host(config)));
  if (*edited == now) return {};
  return fail(ErrorKind::kRefused,
              concat("config.json was edited for a host with ", in_quotes(*edited),
                     ", and this one has ", in_quotes(now)),
              std::string(kRemedy));
}

// The text of the configuration; crun takes one from elsewhere.
Result<std::string> read_configuration(const RuntimeArguments& arguments, const HostPath& bundle) {
  if (arguments.spec_file.empty()) return read_bundle_config(bundle);
  const HostPath file = TRY(path_argument(arguments.spec_file));
  std::optional<std::string> text = TRY(read_engine_file(file));
  if (text) return std::move(*text);
  return fail(ErrorKind::kNotFound, concat(in_quotes(file.text()), " does not exist"));
}

// Whether a configuration that cannot be read speaks of anything that could be meant for us. One
// that does not is for the runtime to judge.
bool mentions_us(std::string_view config_json) {
  constexpr std::array<std::string_view, 5> kWords{"NVIDIA_", "CUDA_VERSION", "DOCKER_RESOURCE_",
                                                   "nvidia.com/gpu", "nvidia-container-devices"};
  return std::any_of(kWords.begin(), kWords.end(), [config_json](std::string_view word) {
    return config_json.find(word) != std::string_view::npos;
  });
}

// What the container's request comes to; notes are told.
Status edit_bundle(const RuntimeArguments& arguments, RuntimeLog& log) {
  const HostPath bundle = TRY(path_argument(arguments.bundle.empty() ? "." : arguments.bundle));
  const std::string config_json = TRY(read_configuration(arguments, bundle));
  const Result<ContainerSpec> parsed = parse_container_spec(config_json);
  if (!parsed && !mentions_us(config_json)) return {};
  const ContainerSpec spec = TRY(parsed);
  const Result<LoadedConfig> loaded = load(Settings());
  // A broken configuration must not keep containers from starting that never asked for a GPU.
  if (!loaded && !may_concern_us(spec, Decider::kSpecEditor)) return {};
  const Config config = TRY(loaded).config;
  const RequestDecision decision = TRY(decide_request(spec, config, Decider::kSpecEditor));
  log.warn(decision.notes);
  if (!decision.request) return check_earlier_edit(spec, config);
  if (!arguments.spec_file.empty()) {
    return fail(ErrorKind::kRefused, "the container's configuration is not in its bundle",
                "put it into the bundle as config.json, and leave --config out");
  }
  TRY(check_namespaces(spec));
  const SpecEdit edit = TRY(edit_for(spec, *decision.request, bundle, config));
  const EditedSpec edited = TRY(edit_oci_spec(config_json, spec, edit));
  log.warn(edited.notes);
  return replace_bundle_config(bundle, edited.config_json);
}

[[noreturn]] void edit_in_child(const RuntimeArguments& arguments, pid_t parent) {
  // Who kills the runtime before it has become one wants no container.
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) std::_Exit(static_cast<int>(ExitCode::kFailed));
  RuntimeLog log(arguments);
  clean_process();
  become_undumpable();
  const Status edited = edit_bundle(arguments, log);
  if (!edited) log.error(to_line(edited.error()));
  std::exit(static_cast<int>(edited ? ExitCode::kOk : ExitCode::kFailed));
}

// A caller that ignores its children would have them vanish without a status. As it was when this
// goes.
class ChildrenHaveStatus {
 public:
  ChildrenHaveStatus() {
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    (void)sigaction(SIGCHLD, &usual, &before_);
  }
  ChildrenHaveStatus(const ChildrenHaveStatus&) = delete;
  ChildrenHaveStatus& operator=(const ChildrenHaveStatus&) = delete;
  ~ChildrenHaveStatus() { (void)sigaction(SIGCHLD, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

// Whether the specification is as it should be.
bool edit_apart(const RuntimeArguments& arguments) {
  const RuntimeLog log(arguments);
  const ChildrenHaveStatus guard;
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child == 0) edit_in_child(arguments, self);
  int status = 0;
  pid_t ended = -1;
  while (child > 0 && (ended = waitpid(child, &status, 0)) < 0 && errno == EINTR) {
  }
  if (child < 0 || ended != child) {
    log.error(concat(child < 0 ? "fork: " : "waitpid: ", std::strerror(errno)));
    return false;
  }
  if (WIFSIGNALED(status)) log.error(concat("ended by signal ", WTERMSIG(status)));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// --- the runtime behind ---

bool is_this_program(const std::string& path) {
  struct stat self {};
  struct stat other {};
  return stat("/proc/self/exe", &self) == 0 && stat(path.c_str(), &other) == 0 &&
         self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

bool is_program(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         access(path.c_str(), X_OK) == 0 && !is_this_program(path);
}

// As a path; nothing when there is none but ourselves.
std::string found(const std::string& name) {
  if (name.starts_with('/')) return is_program(name) ? name : std::string();
  const char* const path = std::getenv("PATH");
  const std::string directories = concat(path == nullptr ? "" : path, ":", kUsualDirectories);
  for (const std::string_view directory : split(directories, ':')) {
    std::string candidate = concat(directory, "/", name);
    if (directory.starts_with('/') && is_program(candidate)) return candidate;
  }
  return {};
}

// The administrator's list; the usual one where the file is broken, since containers have to be
// stopped and deleted all the same.
std::vector<std::string> runtimes() {
  const Result<LoadedConfig> loaded = load(Settings());
  return loaded ? loaded->config.runtimes : Config().runtimes;
}

ExitCode become_runtime(char** argv, const RuntimeArguments& arguments) {
  RuntimeLog log(arguments);
  const std::vector<std::string> names = runtimes();
  for (const std::string& name : names) {
    std::string path = found(name);
    if (path.empty()) continue;
    argv[0] = path.data();
    (void)execv(path.c_str(), argv);
    log.error(concat("execve ", in_quotes(path), ": ", std::strerror(errno)));
    return ExitCode::kFailed;
  }
  log.error(concat("no container runtime found, looked for ", joined(names, ", "),
                   "; install one, or name it by `runtimes` in gpu-hook.toml"));
  return ExitCode::kFailed;
}

}  // namespace

bool is_runtime_name(const char* program) {
  const std::string_view path = program == nullptr ? "" : program;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  constexpr std::array<std::string_view, 4> kNames{"gpu-hook-runtime", "nvidia-container-runtime",
                                                   "nvidia-container-runtime.cdi",
                                                   "nvidia-container-runtime.legacy"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

ExitCode run_runtime(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + std::min(argc, 1), argv + argc);
  const RuntimeArguments arguments = parse_runtime_arguments(words);
  if (arguments.makes_container && !edit_apart(arguments)) return ExitCode::kFailed;
  return become_runtime(argv, arguments);
}

}  // namespace gpuhook::hook
