// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>

#include "base/text.h"
#include "formats/config_toml.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using testing::value_of;

// As the toolkit writes its defaults: keys in order, those that most hosts leave alone as comments.
constexpr std::string_view kGenerated = R"(#accept-nvidia-visible-devices-as-volume-mounts = false
#accept-nvidia-visible-devices-envvar-when-unprivileged = true
disable-require = false
supported-driver-capabilities = "compat32,compute,display,graphics,ngx,utility,video"
#swarm-resource = "DOCKER_RESOURCE_GPU"

[nvidia-container-cli]
#debug = "/var/log/nvidia-container-toolkit.log"
environment = []
#ldcache = "/etc/ld.so.cache"
ldconfig = "@/sbin/ldconfig"
load-kmods = true
#no-cgroups = false
#path = "/usr/bin/nvidia-container-cli"
#root = "/run/nvidia/driver"
#user = "root:video"

[nvidia-container-runtime]
#debug = "/var/log/nvidia-container-runtime.log"
log-level = "info"
mode = "auto"
runtimes = ["runc", "crun"]

[nvidia-container-runtime.modes]

[nvidia-container-runtime.modes.cdi]
annotation-prefixes = ["cdi.k8s.io/"]
default-kind = "nvidia.com/gpu"
spec-dirs = ["/etc/cdi", "/var/run/cdi"]

[nvidia-container-runtime.modes.csv]
compat-container-root = "/usr/local/cuda/compat_orin"
mount-spec-path = "/etc/nvidia-container-runtime/host-files-for-container.d"

[nvidia-container-runtime.modes.legacy]
cuda-compat-mode = "ldconfig"

[nvidia-container-runtime-hook]
path = "nvidia-container-runtime-hook"
skip-mode-detection = false

[nvidia-ctk]
path = "nvidia-ctk"
)";

// The keys of a file that are told about, in its order of notes.
std::vector<std::string> noted_keys(std::string_view text) {
  std::vector<std::string> keys;
  for (const Note& note : value_of(parse_nvidia_config(text)).notes) keys.push_back(note.what);
  return keys;
}

TEST(ParseNvidiaConfig, GivesTheDefaultsForAnEmptyText) {
  for (const std::string_view text :
       {"", "\n", "# disable-require = true\n", "[nvidia-container-cli]\n"}) {
    EXPECT_EQ(value_of(parse_nvidia_config(text)).config, Config()) << in_quotes(text);
    EXPECT_THAT(value_of(parse_nvidia_config(text)).notes, IsEmpty()) << in_quotes(text);
  }
}

TEST(ParseNvidiaConfig, GivesTheDefaultsForTheGeneratedFile) {
  EXPECT_EQ(value_of(parse_nvidia_config(kGenerated)).config, Config());
}

TEST(ParseNvidiaConfig, TellsWhichKeysOfTheGeneratedFileMeanNothing) {
  EXPECT_THAT(
      noted_keys(kGenerated),
      UnorderedElementsAre("nvidia-container-cli.environment", "nvidia-container-cli.ldconfig",
                           "nvidia-container-cli.load-kmods", "nvidia-container-runtime.log-level",
                           "nvidia-container-runtime.mode",
                           "nvidia-container-runtime.modes.cdi.default-kind",
                           "nvidia-container-runtime.modes.cdi.spec-dirs",
                           "nvidia-container-runtime.modes.csv.compat-container-root",
                           "nvidia-container-runtime.modes.csv.mount-spec-path",
                           "nvidia-container-runtime-hook.path",
                           "nvidia-container-runtime-hook.skip-mode-detection", "nvidia-ctk.path"));
}

TEST(ParseNvidiaConfig, ReadsTheGeneratedFileWithItsCommentsTakenAway) {
  std::string text(kGenerated);
  for (std::size_t at = text.find("\n#"); at != std::string::npos; at = text.find("\n#", at))
    text.erase(at + 1, 1);
  text.erase(0, 1);
  Config expected;
  expected.swarm_resources = {"DOCKER_RESOURCE_GPU"};
  expected.driver_root = HostPath::literal("/run/nvidia/driver");
  expected.questions.user = "root:video";
  EXPECT_EQ(value_of(parse_nvidia_config(text)).config, expected);
}

// A text, and what it does to the defaults.
struct Setting {
  std::string_view text;
  void (*set)(Config& config);
};

void expect_settings(std::span<const Setting> rows) {
  for (const Setting& row : rows) {
    Config expected;
    row.set(expected);
    const NvidiaConfig actual = value_of(parse_nvidia_config(row.text));
    EXPECT_EQ(actual.config, expected) << row.text << "\n" << write_config(actual.config);
    EXPECT_THAT(actual.notes, IsEmpty()) << row.text;
  }
}

TEST(ParseNvidiaConfig, ReadsTheKeysOfTheTopLevel) {
  const Setting rows[] = {
      {"disable-require = true", [](Config& config) { config.disable_require = true; }},
      {"disable-require = false", [](Config&) {}},
      {"accept-nvidia-visible-devices-envvar-when-unprivileged = false",
       [](Config& config) { config.accept_env_when_unprivileged = false; }},
      {"accept-nvidia-visible-devices-envvar-when-unprivileged = true", [](Config&) {}},
      {"accept-nvidia-visible-devices-as-volume-mounts = true",
       [](Config& config) { config.accept_volume_mounts = true; }},
      {"accept-nvidia-visible-devices-as-volume-mounts = false", [](Config&) {}},
      {R"(swarm-resource = "DOCKER_RESOURCE_GPU")",
       [](Config& config) { config.swarm_resources = {"DOCKER_RESOURCE_GPU"}; }},
      {R"(swarm-resource = "DOCKER_RESOURCE_GPU, DOCKER_RESOURCE_A,,")",
       [](Config& config) {
         config.swarm_resources = {"DOCKER_RESOURCE_GPU", "DOCKER_RESOURCE_A"};
       }},
      {R"(swarm-resource = "")", [](Config&) {}},
  };
  expect_settings(rows);
}

TEST(ParseNvidiaConfig, ReadsTheSupportedCapabilities) {
  const Setting rows[] = {
      {R"(supported-driver-capabilities = "compute")",
       [](Config& config) { config.supported_capabilities = {Capability::kCompute}; }},
      {R"(supported-driver-capabilities = "utility,compute")",
       [](Config& config) {
         config.supported_capabilities = {Capability::kCompute, Capability::kUtility};
       }},
      {R"(supported-driver-capabilities = " video , ngx,,")",
       [](Config& config) {
         config.supported_capabilities = {Capability::kNgx, Capability::kVideo};
       }},
      {R"(supported-driver-capabilities = "all")", [](Config&) {}},
      {R"(supported-driver-capabilities = "compute,all")", [](Config&) {}},
      {R"(supported-driver-capabilities = "video,utility,ngx,graphics,display,compute,compat32")",
       [](Config&) {}},
  };
  expect_settings(rows);
}

TEST(ParseNvidiaConfig, ReadsTheKeysOfTheCommandLineProgram) {
  const Setting rows[] = {
      {"[nvidia-container-cli]\nroot = \"/run/nvidia/driver\"",
       [](Config& config) { config.driver_root = HostPath::literal("/run/nvidia/driver"); }},
      {"[nvidia-container-cli]\nroot = \"/\"",
       [](Config& config) { config.driver_root = HostPath(); }},
      {"[nvidia-container-cli]\nroot = \"\"", [](Config&) {}},
      {"nvidia-container-cli.root = \"/driver\"",
       [](Config& config) { config.driver_root = HostPath::literal("/driver"); }},
      {"[nvidia-container-cli]\nno-cgroups = true",
       [](Config& config) { config.no_cgroups = true; }},
      {"[nvidia-container-cli]\nno-cgroups = false", [](Config&) {}},
      {"[nvidia-container-cli]\nuser = \"root:video\"",
       [](Config& config) { config.questions.user = "root:video"; }},
      {"[nvidia-container-cli]\nuser = \"\"", [](Config&) {}},
  };
  expect_settings(rows);
}

TEST(ParseNvidiaConfig, TurnsCudaCompatibilityLibrariesOffWhereTheToolkitDoes) {
  constexpr auto kOff = [](Config& config) { config.cuda_compat = false; };
  const Setting rows[] = {
      {"[nvidia-container-runtime.modes.legacy]\ncuda-compat-mode = \"disabled\"", kOff},
      {"[nvidia-container-runtime.modes.legacy]\ncuda-compat-mode = \"hook\"", [](Config&) {}},
      {"[nvidia-container-runtime.modes.legacy]\ncuda-compat-mode = \"ldconfig\"", [](Config&) {}},
      {"[nvidia-container-runtime.modes.legacy]\ncuda-compat-mode = \"mount\"", [](Config&) {}},
      {"[features]\ndisable-cuda-compat-lib-hook = true", kOff},
      {"[features]\ndisable-cuda-compat-lib-hook = false", [](Config&) {}},
      {"features.disable-cuda-compat-lib-hook = false\n"
       "nvidia-container-runtime.modes.legacy.cuda-compat-mode = \"disabled\"",
       kOff},
      {"features.disable-cuda-compat-lib-hook = true\n"
       "nvidia-container-runtime.modes.legacy.cuda-compat-mode = \"ldconfig\"",
       kOff},
  };
  expect_settings(rows);
}

TEST(ParseNvidiaConfig, KeepsImexChannelsFromEverybodyWhereTheToolkitDoes) {
  EXPECT_TRUE(value_of(parse_nvidia_config("[features]\nignore-imex-channel-requests = true"))
                  .config.ignore_imex_channels);
}

TEST(ParseNvidiaConfig, KnowsTheModesOfCudaCompatibility) {
  struct {
    std::string_view mode;
    bool on;
  } const rows[] = {
      {"ldconfig", true}, {"mount", true}, {"hook", true}, {"disabled", false}, {"", false}};
  for (const auto& row : rows) {
    const std::string text =
        concat("[nvidia-container-runtime.modes.legacy]\ncuda-compat-mode = \"", row.mode, "\"");
    EXPECT_EQ(value_of(parse_nvidia_config(text)).config.cuda_compat, row.on) << row.mode;
  }
  EXPECT_FALSE(
      parse_nvidia_config("[nvidia-container-runtime.modes.legacy]\ncuda-compat-mode = \"magic\""));
}

TEST(ParseNvidiaConfig, ReadsTheKeysOfTheRuntime) {
  const Config config = value_of(parse_nvidia_config(R"([nvidia-container-runtime]
runtimes = ["/opt/bin/crun", "runc"]
[nvidia-container-runtime.modes.cdi]
annotation-prefixes = ["cdi.k8s.io/", "example.com/"]
[features]
no-additional-gids-for-device-nodes = true
)"))
                            .config;
  EXPECT_EQ(config.runtimes, (std::vector<std::string>{"/opt/bin/crun", "runc"}));
  EXPECT_EQ(config.annotation_prefixes, (std::vector<std::string>{"cdi.k8s.io/", "example.com/"}));
  EXPECT_FALSE(config.add_device_groups);
}

TEST(ParseNvidiaConfig, TellsOfEachKeyOfTheToolkitThatMeansNothing) {
  struct {
    std::string_view key, value;
  } const rows[] = {
      {"nvidia-container-cli.path", R"("/usr/bin/nvidia-container-cli")"},
      {"nvidia-container-cli.environment", R"(["A=1"])"},
      {"nvidia-container-cli.debug", R"("/var/log/nvidia-container-toolkit.log")"},
      {"nvidia-container-cli.ldcache", R"("/etc/ld.so.cache")"},
      {"nvidia-container-cli.load-kmods", "false"},
      {"nvidia-container-cli.no-pivot", "true"},
      {"nvidia-container-cli.ldconfig", R"("@/sbin/ldconfig.real")"},
      {"nvidia-container-runtime.debug", R"("/var/log/nvidia-container-runtime.log")"},
      {"nvidia-container-runtime.log-level", R"("debug")"},
      {"nvidia-container-runtime.mode", R"("cdi")"},
      {"nvidia-container-runtime.modes.csv.mount-spec-path", R"("/etc/files.d")"},
      {"nvidia-container-runtime.modes.csv.compat-container-root", R"("/compat")"},
      {"nvidia-container-runtime.modes.cdi.default-kind", R"("nvidia.com/gpu")"},
      {"nvidia-container-runtime.modes.cdi.spec-dirs", R"(["/etc/cdi"])"},
      {"nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags", R"(["x"])"},
      {"nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks", R"(["all"])"},
      {"nvidia-container-runtime-hook.path", R"("/usr/bin/nvidia-container-runtime-hook")"},
      {"nvidia-container-runtime-hook.skip-mode-detection", "true"},
      {"nvidia-ctk.path", R"("/usr/bin/nvidia-ctk")"},
      {"features.allow-cuda-compat-libs-from-container", "true"},
      {"features.allow-ldconfig-from-container", "true"},
      {"features.allow-unknown-oci-spec-fields", "true"},
      {"features.disable-imex-channel-creation", "true"},
  };
  for (const auto& row : rows) {
    const NvidiaConfig parsed = value_of(parse_nvidia_config(concat(row.key, " = ", row.value)));
    EXPECT_EQ(parsed.config, Config()) << row.key;
    if (parsed.notes.size() != 1) {
      ADD_FAILURE() << row.key << " has " << parsed.notes.size() << " notes";
      continue;
    }
    EXPECT_EQ(parsed.notes[0].what, row.key);
    EXPECT_NE(parsed.notes[0].reason, "") << row.key;
  }
}

TEST(ParseNvidiaConfig, IgnoresKeysThatTheToolkitDoesNotKnow) {
  for (const std::string_view text :
       {"root = \"/x\"", "no-cgroups = true", "Disable-Require = true", "disable_require = true",
        "[nvidia-container-cli]\ndriver-root = \"/x\"", "[features]\ngds = true",
        "[unknown]\ndisable-require = true", "[[unknown]]",
        "\"nvidia-container-cli.root\" = \"/x\"", "driver-root = 1",
        "[requests]\naccept-volume-mounts = true"}) {
    const NvidiaConfig parsed = value_of(parse_nvidia_config(text));
    EXPECT_EQ(parsed.config, Config()) << text;
    EXPECT_THAT(parsed.notes, IsEmpty()) << text;
  }
}

TEST(ParseNvidiaConfig, RefusesValuesOfAnotherTypeNamingTheirLine) {
  struct {
    std::string_view key, type;
  } const keys[] = {
      {"disable-require", "true or false"},
      {"swarm-resource", "a string"},
      {"accept-nvidia-visible-devices-envvar-when-unprivileged", "true or false"},
      {"accept-nvidia-visible-devices-as-volume-mounts", "true or false"},
      {"supported-driver-capabilities", "a string"},
      {"nvidia-container-cli.root", "a string"},
      {"nvidia-container-cli.no-cgroups", "true or false"},
      {"nvidia-container-cli.user", "a string"},
      {"nvidia-container-runtime.modes.legacy.cuda-compat-mode", "a string"},
      {"features.disable-cuda-compat-lib-hook", "true or false"},
  };
  struct {
    std::string_view text, type;
  } const values[] = {{"true", "true or false"},
                      {"\"x\"", "a string"},
                      {"1", ""},
                      {"[\"compute\"]", ""},
                      {"[]", ""},
                      {"{}", ""},
                      {"0.5", ""}};
  for (const auto& key : keys) {
    for (const auto& value : values) {
      if (value.type == key.type) continue;
      EXPECT_EQ(error_of(parse_nvidia_config(concat("\n\n", key.key, " = ", value.text, "\n"))),
                concat("line 3: \"", key.key, "\" must be ", key.type))
          << value.text;
    }
  }
}

TEST(ParseNvidiaConfig, RefusesAValueInThePlaceOfATable) {
  // The keys that decide about containers would silently have no effect.
  for (const std::string_view text : {"\nnvidia-container-cli = true\n", "\nfeatures = \"none\"\n",
                                      "\n[[nvidia-container-cli]]\nno-cgroups = true\n",
                                      "\nnvidia-container-runtime.modes.legacy = 1\n"}) {
    EXPECT_EQ(error_kind(parse_nvidia_config(text)), "bad-input") << text;
    EXPECT_THAT(error_of(parse_nvidia_config(text)), StartsWith("line 2: ")) << text;
  }
}

TEST(ParseNvidiaConfig, RefusesADriverRootThatIsNotAbsolute) {
  EXPECT_EQ(error_of(parse_nvidia_config("[nvidia-container-cli]\nroot = \"run/nvidia/driver\"\n")),
            "line 2: \"nvidia-container-cli.root\" must be an absolute path");
}

TEST(ParseNvidiaConfig, NamesAnUnknownCapabilityWithItsLine) {
  for (const std::string_view value : {"cuda", "compute,cuda", "all,cuda", "cuda,all"}) {
    EXPECT_EQ(error_of(parse_nvidia_config(concat(
                  "disable-require = true\nsupported-driver-capabilities = \"", value, "\"\n"))),
              "line 2: unknown driver capability \"cuda\"; use all or some of compute, compat32, "
              "display, graphics, ngx, utility, video")
        << value;
  }
}

TEST(ParseNvidiaConfig, NamesTheLineThatIsNotToml) {
  EXPECT_THAT(error_of(parse_nvidia_config("[nvidia-container-cli]\n  root = /\n")),
              StartsWith("line 2: not TOML: "));
  EXPECT_THAT(error_of(parse_nvidia_config("disable-require = true\ndisable-require = true\n")),
              StartsWith("line 2: not TOML: "));
  EXPECT_EQ(error_kind(parse_nvidia_config("{\"disable-require\": true}")), "bad-input");
  EXPECT_EQ(error_kind(parse_nvidia_config("\xff")), "bad-input");
}

}  // namespace
}  // namespace gpuhook::formats
