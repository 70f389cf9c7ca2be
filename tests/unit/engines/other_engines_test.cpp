// SPDX-License-Identifier: Apache-2.0
// CRI-O, podman, k3s and RKE2, and hooks.d files.
#include <gtest/gtest.h>

#include "base/text.h"
#include "support/captured.h"
#include "support/engine_files.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::applied;
using testing::captured;
using testing::EngineFiles;
using testing::error_kind;
using testing::error_of;
using testing::file_content;
using testing::planned;
using testing::removal_of;
using testing::setup_of;
using testing::value_of;

EngineSetup default_setup(Engine engine, const std::string& file = {}) {
  EngineSetup setup = setup_of(engine, file);
  setup.set_default = true;
  return setup;
}

TEST(Engines, HaveNames) {
  for (const Engine engine : kAllEngines)
    EXPECT_EQ(value_of(parse_engine(name_of(engine))), engine);
  EXPECT_EQ(error_of(parse_engine("rkt")),
            "unknown engine \"rkt\"; known engines: docker, containerd, crio, podman, k3s, rke2, "
            "microk8s");
}

TEST(Engines, TakeNoPathThatFilesSpellDifferently) {
  for (const std::string path : {"/a b", "/a\"", "/a\\", "/{{a", "/\xc3\xa4", "/a'"}) {
    EngineSetup setup = setup_of(Engine::kDocker);
    setup.runtime = value_of(HostPath::parse(path));
    EXPECT_EQ(error_kind(planned({}, setup)), "bad-input") << path;
  }
}

TEST(CrioSetup, WritesADropIn) {
  const std::string drop_in = "/etc/crio/crio.conf.d/99-gpu-hook.conf";
  EXPECT_EQ(applied({}, default_setup(Engine::kCrio)).at(drop_in), R"(# begin gpu-hook, new file
[crio.runtime]
  default_runtime = "nvidia"

[crio.runtime.runtimes.nvidia]
  runtime_path = "/usr/bin/gpu-hook-runtime"
  runtime_type = "oci"
# end gpu-hook
)");
}

TEST(CrioSetup, EditsAFileThatIsNamedAndWatchesContainersAsItsDefault) {
  const std::string before = captured("engine-configs/crio/crio-1.24.conf");
  const std::string after = applied({{"/c", before}}, setup_of(Engine::kCrio, "/c")).at("/c");
  EXPECT_EQ(after, before + R"(# begin gpu-hook
[crio.runtime.runtimes.nvidia]
  runtime_path = "/usr/bin/gpu-hook-runtime"
  runtime_type = "oci"
  monitor_path = "/usr/libexec/crio/conmon"
  monitor_cgroup = "system.slice"
  monitor_env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
  allowed_annotations = ["io.containers.trace-syscall"]
# end gpu-hook
)");
}

TEST(CrioSetup, RemarksAFileOfNvidiasToolkitThatComesLater) {
  EngineSetup setup = setup_of(Engine::kCrio);
  setup.cdi = true;
  EXPECT_EQ(value_of(planned({{"/etc/crio/crio.conf.d/99-nvidia.toml", ""}}, setup)).remarks,
            (std::vector<std::string>{
                "CRI-O accepts CDI device names without a setting",
                "/etc/crio/crio.conf.d/99-nvidia.toml is read later, and what it says of the "
                "runtime counts: move it away"}));
}

TEST(PodmanSetup, WritesADropIn) {
  const std::string drop_in = "/etc/containers/containers.conf.d/99-gpu-hook.conf";
  EXPECT_EQ(applied({}, default_setup(Engine::kPodman)).at(drop_in), R"(# begin gpu-hook, new file
[engine]
  runtime = "nvidia"

[engine.runtimes]
  nvidia = ["/usr/bin/gpu-hook-runtime"]
# end gpu-hook
)");
}

const std::string kK3s = "/var/lib/rancher/k3s/agent/etc/containerd/";

TEST(K3sSetup, WritesATemplateWhereThereIsNone) {
  EXPECT_EQ(applied({}, setup_of(Engine::kK3s)).at(kK3s + "config.toml.tmpl"),
            R"({{ template "base" . }}

# begin gpu-hook, new file
{{ if not (index .ExtraRuntimes "nvidia").BinaryName }}
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/gpu-hook-runtime"
  SystemdCgroup = {{ .SystemdCgroup }}
{{ end }}
# end gpu-hook
)");
}

TEST(K3sSetup, AppendsToATemplateThatBringsEverythingItself) {
  const std::string before = captured("engine-configs/k3s/whole.tmpl");
  const std::string file = kK3s + "config.toml.tmpl";
  EXPECT_EQ(applied({{file, before}}, setup_of(Engine::kK3s)).at(file), before + R"(# begin gpu-hook
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/gpu-hook-runtime"
  SystemdCgroup = {{ .SystemdCgroup }}
# end gpu-hook
)");
}

TEST(K3sSetup, WritesTheTemplateOfTheVersionInUse) {
  const std::string rke2 = "/var/lib/rancher/rke2/agent/etc/containerd/";
  const EngineFiles before{{rke2 + "config.toml", "version = 3\n"}};
  const EngineFiles after = applied(before, setup_of(Engine::kRke2));
  ASSERT_TRUE(after.contains(rke2 + "config-v3.toml.tmpl"));
  EXPECT_NE(after.at(rke2 + "config-v3.toml.tmpl")
                .find("[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nvidia]"),
            std::string::npos);
  EXPECT_EQ(applied(after, removal_of(setup_of(Engine::kRke2))), before);
}

TEST(K3sSetup, RemovesItsBlockFromBothTemplates) {
  EngineFiles files = applied({}, setup_of(Engine::kK3s));
  files[kK3s + "config.toml"] = "version = 3\n";
  files[kK3s + "config-v3.toml.tmpl"] = "mine\n";
  EXPECT_EQ(applied(files, removal_of(setup_of(Engine::kK3s))),
            (EngineFiles{{kK3s + "config.toml", "version = 3\n"},
                         {kK3s + "config-v3.toml.tmpl", "mine\n"}}));
}

TEST(K3sSetup, NamesTheRightPlaceForTheDefaultRuntime) {
  EXPECT_EQ(error_of(planned({}, default_setup(Engine::kRke2))),
            "setting up rke2: the default runtime of rke2 is not set here; put the line "
            "\"default-runtime: nvidia\" into /etc/rancher/rke2/config.yaml");
}

TEST(K3sSetup, RefusesATemplateThatHasTheRuntime) {
  const std::string table =
      "  [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.\"nvidia\"]\n";
  EXPECT_NE(error_of(planned({{kK3s + "config.toml.tmpl", "\n" + table}}, setup_of(Engine::kK3s)))
                .find("line 2: has a runtime nvidia already; take it out"),
            std::string::npos);
}

TEST(K3sSetup, RemarksThatNvidiasToolkitIsFoundFirst) {
  const std::string generated =
      "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia.options]\n"
      "BinaryName = \"/usr/bin/nvidia-container-runtime\"\n";
  EXPECT_EQ(value_of(planned({{kK3s + "config.toml", generated}}, setup_of(Engine::kK3s))).remarks,
            (std::vector<std::string>{
                "/usr/bin/nvidia-container-runtime is the runtime nvidia of k3s as long as it is "
                "installed; gpu-hook's is left out until it is removed"}));
}

EngineSetup hook_setup(Engine engine) {
  EngineSetup setup = setup_of(engine);
  setup.hook_file = true;
  return setup;
}

const std::string kHookFile = "/usr/share/containers/oci/hooks.d/gpu-hook.json";

TEST(HooksD, IsTheFileThatIsInstalledAsAnExample) {
  const std::string example =
      file_content(testing::data_path("../../config/oci-hooks.d/gpu-hook.json"));
  EXPECT_EQ(hooks_d_file(HostPath::literal("/usr/bin/gpu-hook")), example);
}

TEST(HooksD, ComesAndGoes) {
  for (const Engine engine : {Engine::kCrio, Engine::kPodman}) {
    const EngineFiles after = applied({}, hook_setup(engine));
    EXPECT_EQ(after,
              (EngineFiles{{kHookFile, hooks_d_file(HostPath::literal("/usr/bin/gpu-hook"))}}));
    EXPECT_TRUE(value_of(planned(after, hook_setup(engine))).files.empty());
    EXPECT_EQ(applied(after, removal_of(hook_setup(engine))), EngineFiles());
  }
}

TEST(HooksD, TakesTheRuntimesPlaceAndTheReverse) {
  for (const Engine engine : {Engine::kCrio, Engine::kPodman}) {
    const EngineFiles with_hook = applied({}, hook_setup(engine));
    const EngineFiles with_runtime = applied({}, setup_of(engine));
    EXPECT_EQ(applied(with_runtime, hook_setup(engine)), with_hook);
    EXPECT_EQ(applied(with_hook, setup_of(engine)), with_runtime);
    EXPECT_EQ(applied(with_hook, removal_of(setup_of(engine))), EngineFiles());
    EXPECT_EQ(applied(with_runtime, removal_of(setup_of(engine))), EngineFiles());
    EXPECT_EQ(applied(with_runtime, removal_of(hook_setup(engine))), with_runtime);
  }
}

TEST(HooksD, LeavesAFileOfSomebodyElsesWhereTheRuntimeIsWanted) {
  const EngineFiles files{{kHookFile, "{}"}};
  EXPECT_EQ(applied(files, setup_of(Engine::kPodman)).at(kHookFile), "{}");
}

TEST(HooksD, IsRenewedForAnotherPathOfTheHook) {
  EngineFiles files{{kHookFile, hooks_d_file(HostPath::literal("/usr/local/bin/gpu-hook"))}};
  EXPECT_EQ(applied(files, hook_setup(Engine::kPodman)).at(kHookFile),
            hooks_d_file(HostPath::literal("/usr/bin/gpu-hook")));
}

TEST(HooksD, IsNotTouchedWhenSomebodyChangedIt) {
  for (const std::string text : {"{}", "", "[1]", R"({"hook":{"path":"/usr/bin/gpu-hook"}})",
                                 R"({"hook":{"path":"relative"}})", R"({"hook":1})"})
    EXPECT_EQ(error_of(planned({{kHookFile, text}}, hook_setup(Engine::kPodman))),
              "setting up podman: \"/usr/share/containers/oci/hooks.d/gpu-hook.json\" is not as "
              "gpu-hook wrote it; move it away");
}

TEST(HooksD, IsNothingForOtherEngines) {
  EXPECT_EQ(error_of(planned({}, hook_setup(Engine::kDocker))),
            "docker reads no hooks.d files; set up the runtime, without --hook");
}

}  // namespace
}  // namespace gpuhook
