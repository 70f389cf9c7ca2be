// SPDX-License-Identifier: Apache-2.0
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
using testing::error_of;
using testing::planned;
using testing::removal_of;
using testing::setup_of;
using testing::value_of;

const std::string kFile = "/etc/containerd/config.toml";

EngineSetup everything() {
  EngineSetup setup = setup_of(Engine::kContainerd);
  setup.set_default = setup.cdi = true;
  return setup;
}

// The lines that a setup adds to a file of tests/data, without empty ones.
std::string added(const std::string& name, const EngineSetup& setup) {
  const std::string before = captured("engine-configs/containerd/" + name);
  const std::string after = applied({{kFile, before}}, setup).at(kFile);
  std::string out;
  std::size_t at = 0;
  std::vector<std::string_view> old = lines(before);
  std::erase(old, "");
  for (const std::string_view line : lines(after)) {
    if (line.empty()) continue;
    if (at < old.size() && line == old[at]) {
      ++at;
    } else if (line.find("# gpu-hook replaced: ") != std::string_view::npos) {
      ++at;
      out += concat(line, "\n");
    } else {
      out += concat(line, "\n");
    }
  }
  return out;
}

TEST(ContainerdSetup, CopiesOptionsOfTheDefaultRuntime) {
  EXPECT_EQ(added("v2-kubeadm.toml", everything()),
            R"(    # begin gpu-hook
    enable_cdi = true
    # end gpu-hook
      # begin gpu-hook
      default_runtime_name = "nvidia"
      # end gpu-hook
# begin gpu-hook
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
  base_runtime_spec = "/etc/containerd/cri-base.json"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/gpu-hook-runtime"
  SystemdCgroup = true
# end gpu-hook
)");
}

TEST(ContainerdSetup, ReplacesTheRuntimeOfNvidiasToolkitWithItsOptions) {
  EXPECT_EQ(added("v2-nvidia-default.toml", everything()),
            R"(    # begin gpu-hook
    # gpu-hook replaced:     enable_cdi = false
    enable_cdi = true
    # end gpu-hook
        # begin gpu-hook
        # gpu-hook replaced:         [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
        # gpu-hook replaced:           privileged_without_host_devices = false
        # gpu-hook replaced:           runtime_engine = ""
        # gpu-hook replaced:           runtime_root = ""
        # gpu-hook replaced:           runtime_type = "io.containerd.runc.v2"
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
          runtime_type = "io.containerd.runc.v2"
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
          BinaryName = "/usr/bin/gpu-hook-runtime"
          SystemdCgroup = true
        # end gpu-hook
          # begin gpu-hook
          # gpu-hook replaced:           [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
          # gpu-hook replaced:             BinaryName = "/usr/bin/nvidia-container-runtime"
          # gpu-hook replaced:             SystemdCgroup = true
          # end gpu-hook
)");
}

TEST(ContainerdSetup, KnowsVersionOne) {
  EXPECT_EQ(added("v1.toml", setup_of(Engine::kContainerd)),
            R"(# begin gpu-hook
[plugins.cri.containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
[plugins.cri.containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/gpu-hook-runtime"
  Runtime = "/usr/bin/gpu-hook-runtime"
  SystemdCgroup = true
# end gpu-hook
)");
}

TEST(ContainerdSetup, KnowsVersionThree) {
  EXPECT_EQ(added("v3-default-like.toml", setup_of(Engine::kContainerd)),
            R"(# begin gpu-hook
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
  sandboxer = "podsandbox"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/gpu-hook-runtime"
  CriuImagePath = ""
  IoGid = 0
  NoNewKeyring = false
  ShimCgroup = ""
  SystemdCgroup = true
# end gpu-hook
)");
}

TEST(ContainerdSetup, WritesADropInWhereTheConfigurationImportsThem) {
  const EngineFiles before{{kFile, captured("engine-configs/containerd/v3-conf.d.toml")}};
  const EngineFiles after = applied(before, everything());
  EXPECT_EQ(after.at(kFile), before.at(kFile));
  EXPECT_EQ(after.at("/etc/containerd/conf.d/99-gpu-hook.toml"),
            R"(version = 3

# begin gpu-hook, new file
[plugins."io.containerd.cri.v1.runtime"]
  enable_cdi = true

[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "nvidia"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
  sandboxer = "podsandbox"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/gpu-hook-runtime"
  CriuImagePath = ""
  IoGid = 0
  NoNewKeyring = false
  ShimCgroup = ""
  SystemdCgroup = true
# end gpu-hook
)");
  EXPECT_TRUE(value_of(planned(after, everything())).files.empty());
  EXPECT_EQ(applied(after, removal_of(everything())), before);
}

TEST(ContainerdSetup, EditsVersionTwoInPlaceWhateverItImports) {
  const EngineFiles before{{kFile, captured("engine-configs/containerd/v2-imports.toml")}};
  EXPECT_EQ(applied(before, everything()).size(), 1U);
}

TEST(ContainerdSetup, RemovesAlsoWhatItWroteBeforeTheFileImportedDropIns) {
  const std::string old = captured("engine-configs/containerd/v3-default-like.toml");
  EngineFiles files = applied({{kFile, old}}, everything());
  const auto imports = [](std::string& text) {
    text.replace(text.find("imports = []"), 12, "imports = ['conf.d/*.toml']");
  };
  imports(files[kFile]);
  EngineFiles expected{{kFile, old}};
  imports(expected[kFile]);
  files = applied(files, everything());
  EXPECT_EQ(files.at(kFile), expected.at(kFile));
  EXPECT_TRUE(files.contains("/etc/containerd/conf.d/99-gpu-hook.toml"));
  EXPECT_EQ(applied(files, removal_of(everything())), expected);
}

TEST(ContainerdSetup, WritesAFileWhereThereIsNone) {
  const std::string text = applied({}, setup_of(Engine::kContainerd)).at(kFile);
  EXPECT_EQ(text.find("version = 2\n\n# begin gpu-hook, new file\n[plugins."), 0U);
}

TEST(ContainerdSetup, KeepsAFileThatOthersWroteIntoSince) {
  EngineFiles files = applied({}, setup_of(Engine::kContainerd));
  files[kFile] += "[debug]\n  level = \"debug\"\n";
  EXPECT_EQ(applied(files, removal_of(everything())).at(kFile),
            "version = 2\n\n[debug]\n  level = \"debug\"\n");
}

TEST(ContainerdSetup, RemarksWhatKeepsItFromWorking) {
  EngineFiles files{{kFile, captured("engine-configs/containerd/v1-docker-package.toml")}};
  EXPECT_EQ(value_of(planned(files, everything())).remarks,
            (std::vector<std::string>{"/etc/containerd/config.toml has cri in disabled_plugins: "
                                      "Kubernetes can use no runtime until that is taken out"}));
  files = {{kFile, captured("engine-configs/containerd/v3-conf.d.toml")},
           {"/etc/containerd/conf.d/99-nvidia.toml", ""}};
  EXPECT_EQ(value_of(planned(files, everything())).remarks,
            (std::vector<std::string>{"/etc/containerd/conf.d/99-nvidia.toml is read later, and "
                                      "what it says of the runtime counts: move it away"}));
}

TEST(ContainerdSetup, RefusesWhatItCannotEdit) {
  struct {
    std::string text, message;
  } const rows[] = {
      {"version = 4\n", "line 1: a version of the configuration that is not known here"},
      {"version = \"2\"\n", "line 1: a version of the configuration"},
      {"plugins = {cri = {containerd = {}}}\n", "plugins is written as one value"},
      {"[plugins.cri.containerd.default_runtime]\nruntime_type = "
       "\"io.containerd.runtime.v1.linux\"\n",
       "line 2: default_runtime goes over default_runtime_name"},
      {"version = 2\nplugins = 3\n", "plugins is written as one value"},
  };
  for (const auto& row : rows) {
    const std::string line = error_of(planned({{kFile, row.text}}, everything()));
    EXPECT_NE(line.find(row.message), std::string::npos) << line;
  }
}

TEST(ContainerdSetup, CopiesFromRuncWhereTheDefaultIsAnotherKindOfRuntime) {
  const std::string text = applied({{kFile, R"(version = 2
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "kata"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
runtime_type = "io.containerd.kata.v2"
options = {ConfigPath = "/kata"}
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = true
)"}},
                                   setup_of(Engine::kContainerd))
                               .at(kFile);
  EXPECT_NE(text.find("gpu-hook-runtime\"\n  SystemdCgroup = true\n# end"), std::string::npos)
      << text;
}

TEST(Microk8sSetup, EditsTheTemplateThatIsThere) {
  const std::string file = "/var/snap/microk8s/current/args/containerd-template.toml";
  const EngineFiles before{{file, captured("engine-configs/microk8s/containerd-template.toml")}};
  const EngineFiles after = applied(before, setup_of(Engine::kMicrok8s));
  EXPECT_EQ(after.at(file), before.at(file) + R"(# begin gpu-hook
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
  BinaryName = "/usr/bin/gpu-hook-runtime"
# end gpu-hook
)");
  EXPECT_NE(
      error_of(planned({}, setup_of(Engine::kMicrok8s))).find("does not exist; install microk8s"),
      std::string::npos);
}

}  // namespace
}  // namespace gpuhook
