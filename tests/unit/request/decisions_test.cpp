// SPDX-License-Identifier: Apache-2.0
// The decision table: environment, privileges, mounts and policy, and what comes of them. The
// sections named are those of the contract with images and engines (NVIDIA container stack).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>

#include "base/text.h"
#include "gpuhook/request.h"
#include "request/decision_text.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::captured;
using testing::decision_text;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::value_of;

// A container and the policy of its host. Each function answers a changed copy.
struct Given {
  ContainerSpec spec{.root_path = "rootfs"};
  Config config{};

  // With one more entry in its environment.
  [[nodiscard]] Given with(std::string entry) const {
    Given changed = *this;
    changed.spec.env.push_back(std::move(entry));
    return changed;
  }
  [[nodiscard]] Given bounded_by(std::vector<std::string> capabilities) const {
    Given changed = *this;
    changed.spec.bounding = std::move(capabilities);
    return changed;
  }
  [[nodiscard]] Given privileged() const { return bounded_by({"CAP_CHOWN", "CAP_SYS_ADMIN"}); }
  // With a mount of /dev/null that names a device or channel.
  [[nodiscard]] Given mounting(const std::string& name) const {
    return mounting("/dev/null", "/var/run/nvidia-container-devices/" + name);
  }
  [[nodiscard]] Given mounting(std::string source, std::string destination) const {
    Given changed = *this;
    changed.spec.mounts.push_back({std::move(source), std::move(destination)});
    return changed;
  }
  // On a host with this policy.
  [[nodiscard]] Given on(Config policy) const {
    Given changed = *this;
    changed.config = std::move(policy);
    return changed;
  }
};

// A container that engines make by default: without CAP_SYS_ADMIN.
Given container() { return Given().bounded_by({"CAP_CHOWN", "CAP_KILL", "CAP_MKNOD"}); }
Given asks(const std::string& devices) {
  return container().with("NVIDIA_VISIBLE_DEVICES=" + devices);
}
Given mounts(const std::string& name) { return container().mounting(name); }
// A CUDA image from before NVIDIA_VISIBLE_DEVICES.
Given legacy() { return container().with("CUDA_VERSION=11.4.148"); }

const Config kPrivilegedOnly{.accept_env_when_unprivileged = false};
const Config kMounts{.accept_volume_mounts = true};
// What an administrator sets who trusts no image.
const Config kMountsOnly{.accept_env_when_unprivileged = false, .accept_volume_mounts = true};
const Config kSwarm{.swarm_resources = {"DOCKER_RESOURCE_GPU"}};
const Config kTwoSwarm{.swarm_resources = {"DOCKER_RESOURCE_GPU", "DOCKER_RESOURCE_BIG"}};
const Config kUtilityAndVideo{.supported_capabilities = {Capability::kUtility, Capability::kVideo}};
const Config kVideo{.supported_capabilities = {Capability::kVideo}};

Config trusting(FeatureSet features) { return {.features_when_unprivileged = features}; }

struct Row {
  std::string name;
  Given given;
  // As decision_text says it. Of an error the kind and the telling part of the message.
  std::string expected;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

std::string name_of_row(const ::testing::TestParamInfo<Row>& row) {
  std::string name = row.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

class DecisionTable : public ::testing::TestWithParam<Row> {};

// The decision is as expected, or an error of that kind that says so.
void expect_decision(const std::string& decision, const std::string& expected) {
  for (const std::string_view kind : {"bad-input: ", "refused: "}) {
    if (!expected.starts_with(kind)) continue;
    EXPECT_THAT(decision, StartsWith(std::string(kind)));
    EXPECT_THAT(decision, HasSubstr(expected.substr(kind.size())));
    return;
  }
  EXPECT_EQ(decision, expected);
}

TEST_P(DecisionTable, Decides) {
  const auto& [name, given, expected] = GetParam();
  expect_decision(decision_text(given.spec, given.config), expected);
  // Where the configuration cannot be read, only containers start that do not concern us.
  EXPECT_TRUE(expected == "nothing" || may_concern_us(given.spec));
}

const std::string kGpuA = "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";
const std::string kGpuB = "GPU-ffffffff-0000-1111-2222-333333333333";
const std::string kMigA = "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";
const std::string kFolder = "/var/run/nvidia-container-devices";
const std::string kEverything = "compute,compat32,display,graphics,ngx,utility,video";

// 3.1: what the values of NVIDIA_VISIBLE_DEVICES mean, with and without privileges.
INSTANTIATE_TEST_SUITE_P(
    VisibleDevices, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"no variable", container(), "nothing"},
        {"no variable, privileged", container().privileged(), "nothing"},
        {"capabilities alone", container().with("NVIDIA_DRIVER_CAPABILITIES=all"), "nothing"},
        {"requirement alone", container().with("NVIDIA_REQUIRE_CUDA=cuda>=12.2"), "nothing"},
        {"empty, privileged", asks("").privileged(), "nothing"},
        {"blanks, privileged", asks(" \t ").privileged(), "nothing"},
        {"commas and blanks", asks(" , ,, "), "nothing"},
        {"void, privileged", asks("void").privileged(), "nothing"},
        {"void last", asks("0,1,void"), "nothing"},
        {"void after none", asks("none,void"), "nothing"},
        {"void before all", asks("void,all"), "nothing"},
        {"void before a wrong name", asks("void,no-such"), "nothing"},
        {"void after a wrong name", asks("no-such,void"), "nothing"},
        {"void beside wrong capabilities", asks("void").with("NVIDIA_DRIVER_CAPABILITIES=no-such"),
         "nothing"},
        {"none", asks("none"), "no GPU for compute,utility"},
        {"none, privileged", asks("none").privileged(), "no GPU for compute,utility"},
        {"none before all", asks("0,none,all"), "no GPU for compute,utility"},
        {"none after all", asks("0,all,none"), "all for compute,utility"},
        {"none before a wrong name", asks("none,no-such"), "no GPU for compute,utility"},
        {"none after a wrong name", asks("no-such,none"), "no GPU for compute,utility"},
        {"none in upper case", asks("None"),
         R"(bad-input: reading NVIDIA_VISIBLE_DEVICES: not a device name: "None")"},
        {"all", asks("all"), "all for compute,utility"},
        {"all, privileged", asks("all").privileged(), "all for compute,utility"},
        {"all in upper case", asks("ALL"), "all for compute,utility"},
        {"all between indices", asks("0,all,1"), "all for compute,utility"},
        {"index, privileged", asks("1").privileged(), "1 for compute,utility"},
        {"indices with blanks, privileged", asks(" 0 ,\t2,").privileged(),
         "0 2 for compute,utility"},
        {"every form at once", asks("0," + kGpuB + ",0000:0a:00.0,1:2," + kMigA),
         "0 " + kGpuB + " 0000:0a:00.0 1:2 " + kMigA + " for compute,utility"},
        {"MIG device as drivers before 470 name it", asks("MIG-" + kGpuA + "/7/0"),
         "MIG-" + kGpuA + "/7/0 for compute,utility"},
        {"last entry counts", asks("all").with("NVIDIA_VISIBLE_DEVICES=0,1"),
         "0 1 for compute,utility"},
        {"last entry is void, as CDI leaves it", asks("all").with("NVIDIA_VISIBLE_DEVICES=void"),
         "nothing"},
        // 3.1: repeated ids collapse to one, in every spelling of theirs.
        {"repeated index", asks("1,0,1,1,0"), "1 0 for compute,utility"},
        {"repeated UUID", asks(kGpuA + "," + kGpuB + "," + kGpuA),
         kGpuA + " " + kGpuB + " for compute,utility"},
        {"UUID repeated in upper case", asks(kGpuA + ",GPU-0A0A0A0A-1B1B-2C2C-3D3D-4E4E4E4E4E4E"),
         kGpuA + " for compute,utility"},
        {"PCI address repeated in the form of NVML", asks("0000:0a:00.0,00000000:0A:00.0"),
         "0000:0a:00.0 for compute,utility"},
        {"MIG index repeated with a zero", asks("0:1,0:01"), "0:1 for compute,utility"},
        // 1.5: everything else is an unknown device.
        {"one wrong name among good ones", asks("0,1,no-such"),
         R"(bad-input: reading NVIDIA_VISIBLE_DEVICES: not a device name: "no-such")"},
        {"one wrong name, privileged", asks("no-such,0").privileged(),
         R"(bad-input: reading NVIDIA_VISIBLE_DEVICES: not a device name: "no-such")"},
        {"range of indices", asks("0-3"), R"(bad-input: not a device name: "0-3")"},
        {"indices between blanks", asks("0 1"), R"(bad-input: not a device name: "0 1")"},
        {"beginning of a UUID", asks("GPU-0a0a0a0a"),
         R"(bad-input: not a device name: "GPU-0a0a0a0a")"},
        {"device node", asks("/dev/nvidia0"), R"(bad-input: not a device name: "/dev/nvidia0")"},
    }),
    name_of_row);

// 3.1, 8.4: CDI names of the kinds that mean this host's GPUs are these GPUs; other kinds come from
// the engine.
INSTANTIATE_TEST_SUITE_P(
    CdiNames, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"index", asks("nvidia.com/gpu=0"), "0 for compute,utility"},
        {"index, privileged", asks("nvidia.com/gpu=0").privileged(), "0 for compute,utility"},
        {"all", asks("nvidia.com/gpu=all"), "all for compute,utility"},
        {"UUID", asks("nvidia.com/gpu=" + kGpuA), kGpuA + " for compute,utility"},
        {"MIG index", asks("nvidia.com/gpu=0:1"), "0:1 for compute,utility"},
        {"kind of the runtime", asks("runtime.nvidia.com/gpu=1"), "1 for compute,utility"},
        {"kind of the device plugin", asks("k8s.device-plugin.nvidia.com/gpu=" + kMigA),
         kMigA + " for compute,utility"},
        {"several kinds and a plain index", asks("nvidia.com/gpu=2,runtime.nvidia.com/gpu=1,0"),
         "2 1 0 for compute,utility"},
        {"one GPU by three names", asks("nvidia.com/gpu=0,0,runtime.nvidia.com/gpu=0"),
         "0 for compute,utility"},
        {"beside none", asks("nvidia.com/gpu=0,none"), "no GPU for compute,utility"},
        {"beside void", asks("nvidia.com/gpu=0,void"), "nothing"},
        {"none of a kind", asks("nvidia.com/gpu=none"),
         R"(bad-input: not a device name: "nvidia.com/gpu=none")"},
        {"void of a kind", asks("nvidia.com/gpu=void"),
         R"(bad-input: not a device name: "nvidia.com/gpu=void")"},
        {"kind without a device", asks("nvidia.com/gpu="),
         R"(bad-input: not a device name: "nvidia.com/gpu=")"},
        {"other class", asks("nvidia.com/mig=0"),
         R"(bad-input: not a GPU of this host by its CDI name: "nvidia.com/mig=0")"},
        {"channel", asks("nvidia.com/imex-channel=0"),
         R"(bad-input: not a GPU of this host by its CDI name: "nvidia.com/imex-channel=0")"},
        {"management kind, privileged", asks("management.nvidia.com/gpu=all").privileged(),
         R"(bad-input: not a GPU of this host by its CDI name: "management.nvidia.com/gpu=all")"},
        {"other vendor beside a GPU", asks("runtime.nvidia.com/gpu=0,amd.com/gpu=0"),
         R"(bad-input: not a GPU of this host by its CDI name: "amd.com/gpu=0")"},
        {"other vendor beside void", asks("amd.com/gpu=0,void"), "nothing"},
        {"other vendor by mount", mounts("cdi/amd.com/gpu/0").on(kMounts),
         R"(bad-input: not a GPU of this host by its CDI name: "amd.com/gpu=0")"},
    }),
    name_of_row);

// 3.1, "Env rule": where the variables of unprivileged containers do not count. Only who asked for
// something is told that it was ignored.
INSTANTIATE_TEST_SUITE_P(
    EnvironmentOfUnprivileged, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"index", asks("0").on(kPrivilegedOnly), "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"all", asks("all").on(kPrivilegedOnly), "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"none", asks("none").on(kPrivilegedOnly), "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"wrong name", asks("no-such").on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"name of the mount directory", asks(kFolder).on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"CDI name", asks("nvidia.com/gpu=0").on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"no variable", container().on(kPrivilegedOnly), "nothing"},
        {"empty", asks("").on(kPrivilegedOnly), "nothing"},
        {"commas and blanks", asks(" ,, ").on(kPrivilegedOnly), "nothing"},
        {"void", asks("void").on(kPrivilegedOnly), "nothing"},
        {"void among others", asks("0,void").on(kPrivilegedOnly), "nothing"},
        {"legacy image", legacy().on(kPrivilegedOnly), "nothing; note: CUDA_VERSION"},
        {"legacy image with devices", legacy().with("NVIDIA_VISIBLE_DEVICES=0").on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"legacy image with void", legacy().with("NVIDIA_VISIBLE_DEVICES=void").on(kPrivilegedOnly),
         "nothing"},
        {"image of today without devices",
         legacy().with("NVIDIA_REQUIRE_CUDA=cuda>=11.4").on(kPrivilegedOnly), "nothing"},
        {"one note for all that is ignored",
         asks("0")
             .with("NVIDIA_GDS=enabled")
             .with("NVIDIA_IMEX_CHANNELS=0")
             .with("NVIDIA_DRIVER_CAPABILITIES=no-such")
             .on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"MIG right", asks("0").with("NVIDIA_MIG_CONFIG_DEVICES=all").on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"features alone", container().with("NVIDIA_GDS=enabled").on(kPrivilegedOnly), "nothing"},
        {"swarm resource",
         container()
             .with("DOCKER_RESOURCE_GPU=0")
             .on({.accept_env_when_unprivileged = false,
                  .swarm_resources = {"DOCKER_RESOURCE_GPU"}}),
         "nothing; note: DOCKER_RESOURCE_GPU"},
        {"empty swarm resource",
         asks("0")
             .with("DOCKER_RESOURCE_GPU=")
             .on({.accept_env_when_unprivileged = false,
                  .swarm_resources = {"DOCKER_RESOURCE_GPU"}}),
         "nothing"},
        // 3.1: privileged is who has CAP_SYS_ADMIN in the bounding set, spelled exactly so.
        {"privileged", asks("0").privileged().on(kPrivilegedOnly), "0 for compute,utility"},
        {"privileged legacy image", legacy().privileged().on(kPrivilegedOnly),
         "all for " + kEverything + " needs cuda>=11.4"},
        {"privileged with a wrong name", asks("no-such").privileged().on(kPrivilegedOnly),
         R"(bad-input: reading NVIDIA_VISIBLE_DEVICES: not a device name: "no-such")"},
        {"no capability at all", asks("0").bounded_by({}).on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"every other capability of weight",
         asks("0")
             .bounded_by({"CAP_SYS_MODULE", "CAP_SYS_PTRACE", "CAP_NET_ADMIN", "CAP_SYS_RAWIO"})
             .on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"capability in lower case", asks("0").bounded_by({"cap_sys_admin"}).on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"capability with a blank", asks("0").bounded_by({"CAP_SYS_ADMIN "}).on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"two capabilities in one text",
         asks("0").bounded_by({"CAP_CHOWN,CAP_SYS_ADMIN"}).on(kPrivilegedOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
    }),
    name_of_row);

// 3.1, "Volume mounts": they win over the environment where they are accepted and there are some.
INSTANTIATE_TEST_SUITE_P(
    VolumeMounts, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"one", mounts("0").on(kMounts), "0 for compute,utility"},
        {"one, privileged", mounts("0").privileged().on(kMounts), "0 for compute,utility"},
        {"several in their order", mounts("2").mounting(kGpuA).mounting("1:0").on(kMounts),
         "2 " + kGpuA + " 1:0 for compute,utility"},
        {"one destination twice", mounts("1").mounting("0").mounting("1").on(kMounts),
         "1 0 for compute,utility"},
        {"one device twice", mounts("1").mounting("01").on(kMounts), "1 for compute,utility"},
        {"all", mounts("all").on(kMounts), "all for compute,utility"},
        {"none", mounts("none").on(kMounts), "no GPU for compute,utility"},
        {"none before all", mounts("none").mounting("all").on(kMounts),
         "no GPU for compute,utility"},
        {"void among others", mounts("0").mounting("void").on(kMounts), "nothing"},
        {"PCI address", mounts("0000:0a:00.0").on(kMounts), "0000:0a:00.0 for compute,utility"},
        {"MIG device by its path", mounts("MIG-" + kGpuA + "/1/0").on(kMounts),
         "MIG-" + kGpuA + "/1/0 for compute,utility"},
        {"CDI name in one component", mounts("cdi/nvidia.com/gpu=0").on(kMounts),
         "0 for compute,utility"},
        {"CDI name in three components", mounts("cdi/nvidia.com/gpu/" + kGpuA).on(kMounts),
         kGpuA + " for compute,utility"},
        {"one GPU plainly and by its CDI name",
         mounts("0").mounting("cdi/runtime.nvidia.com/gpu/0").on(kMounts), "0 for compute,utility"},
        {"CDI name without vendor and class", mounts("cdi/0").on(kMounts),
         "bad-input: reading the device mounts: "},
        {"wrong name beside a good one", mounts("0").mounting("no-such").on(kMounts),
         R"(bad-input: reading the device mounts: not a device name: "no-such")"},
        {"list in one name", mounts("0,1").on(kMounts),
         R"(bad-input: reading the device mounts: not a device name: "0,1")"},
        // Over which variables they win.
        {"over devices", asks("1").mounting("0").on(kMounts), "0 for compute,utility"},
        {"over devices, privileged", asks("all").privileged().mounting("0").on(kMounts),
         "0 for compute,utility"},
        {"over void", asks("void").mounting("0").on(kMounts), "0 for compute,utility"},
        {"over none", asks("none").mounting("0").on(kMounts), "0 for compute,utility"},
        {"over a wrong name", asks("no-such").mounting("0").on(kMounts), "0 for compute,utility"},
        {"over a swarm resource",
         container()
             .with("DOCKER_RESOURCE_GPU=1")
             .mounting("0")
             .on({.accept_volume_mounts = true, .swarm_resources = {"DOCKER_RESOURCE_GPU"}}),
         "0 for compute,utility"},
        {"over a legacy image", legacy().mounting("0").on(kMounts),
         "0 for " + kEverything + " needs cuda>=11.4"},
        {"not over capabilities and requirements",
         mounts("0")
             .with("NVIDIA_DRIVER_CAPABILITIES=video")
             .with("NVIDIA_REQUIRE_CUDA=cuda>=12.2")
             .on(kMounts),
         "0 for video needs cuda>=12.2"},
        {"void by mount over devices", asks("0").mounting("void").on(kMounts), "nothing"},
        // What is no device mount leaves the decision to the environment.
        {"none there", asks("1").on(kMounts), "1 for compute,utility"},
        {"another file", asks("1").mounting("/dev/zero", kFolder + "/0").on(kMounts),
         "1 for compute,utility"},
        {"another place", asks("1").mounting("/dev/null", "/run/devices/0").on(kMounts),
         "1 for compute,utility"},
        {"similar place", asks("1").mounting("/dev/null", kFolder + "2/0").on(kMounts),
         "1 for compute,utility"},
        {"the directory itself", asks("1").mounting("/dev/null", kFolder + "/").on(kMounts),
         "1 for compute,utility"},
        {"upwards", asks("1").mounting("../nvidia-container-devices/0").on(kMounts),
         "1 for compute,utility"},
        {"nothing but other mounts", mounts("").mounting("proc", "/proc").on(kMounts), "nothing"},
        // Where they are not accepted.
        {"not accepted", mounts("0"),
         "nothing; note: mounts below /var/run/nvidia-container-devices"},
        {"not accepted, privileged", mounts("0").privileged(),
         "nothing; note: mounts below /var/run/nvidia-container-devices"},
        {"not accepted beside devices", asks("1").mounting("0"),
         "1 for compute,utility; note: mounts below /var/run/nvidia-container-devices"},
        {"not accepted with a wrong name", asks("1").mounting("no-such"),
         "1 for compute,utility; note: mounts below /var/run/nvidia-container-devices"},
        // Where the environment counts for privileged containers only.
        {"alone accepted", mounts("0").on(kMountsOnly), "0 for compute,utility"},
        {"alone accepted beside devices", asks("all").mounting("0").on(kMountsOnly),
         "0 for compute,utility"},
        {"alone accepted beside the directory's name", asks(kFolder).mounting("0").on(kMountsOnly),
         "0 for compute,utility"},
        {"alone accepted beside capabilities",
         mounts("0").with("NVIDIA_DRIVER_CAPABILITIES=compute,video").on(kMountsOnly),
         "0 for compute,video"},
        {"alone accepted and none there", asks("all").on(kMountsOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"alone accepted and another file",
         asks("all").mounting("/dev/zero", kFolder + "/0").on(kMountsOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"privileged without them", asks("all").privileged().on(kMountsOnly),
         "all for compute,utility"},
        {"privileged with them", asks("all").privileged().mounting("0").on(kMountsOnly),
         "0 for compute,utility"},
    }),
    name_of_row);

// 3.1, 8.4: the device plugin for Kubernetes names the mount directory where mounts name devices.
// Nobody gets all GPUs, or none, by a mistake in the configuration.
INSTANTIATE_TEST_SUITE_P(
    NameOfTheMountDirectory, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"with mounts", asks(kFolder).mounting("0").on(kMounts), "0 for compute,utility"},
        {"with mounts, privileged", asks(kFolder).privileged().mounting("0").on(kMounts),
         "0 for compute,utility"},
        {"with mounts not accepted", asks(kFolder).mounting("0"),
         "bad-input: set accept-volume-mounts = true in gpu-hook.toml"},
        {"with mounts not accepted, privileged", asks(kFolder).privileged().mounting("0"),
         "bad-input: set accept-volume-mounts = true in gpu-hook.toml"},
        {"without mounts", asks(kFolder), "bad-input: which are not accepted on this host"},
        {"without mounts where accepted", asks(kFolder).on(kMounts),
         "bad-input: and there are none"},
        {"with channels alone", asks(kFolder).mounting("imex/0").on(kMounts),
         "bad-input: and there are none"},
        {"privileged only, without mounts", asks(kFolder).privileged().on(kMountsOnly),
         "bad-input: and there are none"},
        {"in a legacy image", legacy().with("NVIDIA_VISIBLE_DEVICES=" + kFolder),
         "bad-input: set accept-volume-mounts = true in gpu-hook.toml"},
        {"behind a swarm resource", asks(kFolder).with("DOCKER_RESOURCE_GPU=0").on(kSwarm),
         "0 for compute,utility"},
        {"in a list", asks("0," + kFolder),
         R"(bad-input: not a device name: "/var/run/nvidia-container-devices")"},
        {"with a device below", asks(kFolder + "/0"),
         R"(bad-input: not a device name: "/var/run/nvidia-container-devices/0")"},
        {"in a list with void", asks("void," + kFolder), "nothing"},
    }),
    name_of_row);

// 3.1, "swarm-resource": the values of those that are set, together, instead of
// NVIDIA_VISIBLE_DEVICES.
INSTANTIATE_TEST_SUITE_P(
    SwarmResources, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"one", container().with("DOCKER_RESOURCE_GPU=0").on(kSwarm), "0 for compute,utility"},
        {"one, privileged", container().with("DOCKER_RESOURCE_GPU=0").privileged().on(kSwarm),
         "0 for compute,utility"},
        {"list of UUIDs", container().with("DOCKER_RESOURCE_GPU=" + kGpuA + "," + kGpuB).on(kSwarm),
         kGpuA + " " + kGpuB + " for compute,utility"},
        {"not configured", container().with("DOCKER_RESOURCE_GPU=0"), "nothing"},
        {"not configured beside devices", asks("1").with("DOCKER_RESOURCE_GPU=0"),
         "1 for compute,utility"},
        {"another one configured", asks("1").with("DOCKER_RESOURCE_BIG=0").on(kSwarm),
         "1 for compute,utility"},
        {"configured and not set", asks("1").on(kSwarm), "1 for compute,utility"},
        {"instead of devices", asks("all").with("DOCKER_RESOURCE_GPU=0").on(kSwarm),
         "0 for compute,utility"},
        {"instead of void", asks("void").with("DOCKER_RESOURCE_GPU=0").on(kSwarm),
         "0 for compute,utility"},
        {"instead of a wrong name", asks("no-such").with("DOCKER_RESOURCE_GPU=0").on(kSwarm),
         "0 for compute,utility"},
        {"empty instead of devices", asks("all").with("DOCKER_RESOURCE_GPU=").on(kSwarm),
         "nothing"},
        {"void instead of devices", asks("all").with("DOCKER_RESOURCE_GPU=void").on(kSwarm),
         "nothing"},
        {"none instead of devices", asks("all").with("DOCKER_RESOURCE_GPU=none").on(kSwarm),
         "no GPU for compute,utility"},
        {"last entry counts",
         container().with("DOCKER_RESOURCE_GPU=0").with("DOCKER_RESOURCE_GPU=1").on(kSwarm),
         "1 for compute,utility"},
        {"two together",
         container().with("DOCKER_RESOURCE_GPU=0,1").with("DOCKER_RESOURCE_BIG=1,2").on(kTwoSwarm),
         "0 1 2 for compute,utility"},
        {"one of two set", asks("all").with("DOCKER_RESOURCE_BIG=2").on(kTwoSwarm),
         "2 for compute,utility"},
        {"one of two empty",
         container().with("DOCKER_RESOURCE_GPU=").with("DOCKER_RESOURCE_BIG=2").on(kTwoSwarm),
         "2 for compute,utility"},
        {"one of two void",
         container().with("DOCKER_RESOURCE_GPU=0").with("DOCKER_RESOURCE_BIG=void").on(kTwoSwarm),
         "nothing"},
        {"one of two all",
         container().with("DOCKER_RESOURCE_GPU=0").with("DOCKER_RESOURCE_BIG=all").on(kTwoSwarm),
         "all for compute,utility"},
        {"wrong name in one of two",
         container().with("DOCKER_RESOURCE_GPU=0").with("DOCKER_RESOURCE_BIG=x").on(kTwoSwarm),
         R"(bad-input: not a device name: "x")"},
        {"in a legacy image", legacy().with("DOCKER_RESOURCE_GPU=0").on(kSwarm),
         "0 for " + kEverything + " needs cuda>=11.4"},
        {"with capabilities",
         container()
             .with("DOCKER_RESOURCE_GPU=0")
             .with("NVIDIA_DRIVER_CAPABILITIES=utility")
             .on(kSwarm),
         "0 for utility"},
    }),
    name_of_row);

// 3.2: capabilities within those that the administrator supports. Privileges do not matter.
INSTANTIATE_TEST_SUITE_P(
    Capabilities, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"unset where compute is disabled", asks("0").on(kUtilityAndVideo), "0 for utility"},
        {"empty where compute is disabled",
         asks("0").with("NVIDIA_DRIVER_CAPABILITIES=").on(kUtilityAndVideo), "0 for utility"},
        {"unset where both usual ones are disabled", asks("0").on(kVideo), "0 for no capability"},
        {"all where some are disabled",
         asks("0").with("NVIDIA_DRIVER_CAPABILITIES=all").on(kUtilityAndVideo),
         "0 for utility,video"},
        {"all with no GPU", asks("none").with("NVIDIA_DRIVER_CAPABILITIES=all"),
         "no GPU for " + kEverything},
        {"supported ones",
         asks("0").with("NVIDIA_DRIVER_CAPABILITIES= video ,utility,").on(kUtilityAndVideo),
         "0 for utility,video"},
        {"disabled one",
         asks("0").with("NVIDIA_DRIVER_CAPABILITIES=utility,compute").on(kUtilityAndVideo),
         R"(refused: driver capability "compute" is disabled on this host; allowed: utility,video)"},
        {"disabled one, privileged",
         asks("0").with("NVIDIA_DRIVER_CAPABILITIES=compute").privileged().on(kUtilityAndVideo),
         R"(refused: driver capability "compute" is disabled on this host)"},
        {"disabled one by mount",
         mounts("0")
             .with("NVIDIA_DRIVER_CAPABILITIES=compute")
             .on({.supported_capabilities = {Capability::kUtility}, .accept_volume_mounts = true}),
         R"(refused: driver capability "compute" is disabled on this host; allowed: utility)"},
        {"disabled one with no GPU",
         asks("none").with("NVIDIA_DRIVER_CAPABILITIES=compute").on(kUtilityAndVideo),
         R"(refused: driver capability "compute" is disabled on this host)"},
        {"disabled one without devices",
         container().with("NVIDIA_DRIVER_CAPABILITIES=compute").on(kUtilityAndVideo), "nothing"},
        {"unknown one, privileged",
         asks("0").with("NVIDIA_DRIVER_CAPABILITIES=compute,cuda").privileged(),
         R"(bad-input: reading NVIDIA_DRIVER_CAPABILITIES: unknown driver capability "cuda")"},
        {"none", asks("0").with("NVIDIA_DRIVER_CAPABILITIES=none").privileged(),
         R"(bad-input: reading NVIDIA_DRIVER_CAPABILITIES: unknown driver capability "none")"},
        {"unset in a legacy image where some are disabled", legacy().on(kUtilityAndVideo),
         "all for utility,video needs cuda>=11.4"},
        {"empty in a legacy image where some are disabled",
         legacy().with("NVIDIA_DRIVER_CAPABILITIES=").on(kUtilityAndVideo),
         "all for utility needs cuda>=11.4"},
        {"disabled one in a legacy image",
         legacy().with("NVIDIA_DRIVER_CAPABILITIES=compute").on(kUtilityAndVideo),
         R"(refused: driver capability "compute" is disabled on this host)"},
    }),
    name_of_row);

// 3.3: requirements hold for whoever asks for driver files, by whatever way.
INSTANTIATE_TEST_SUITE_P(
    Requirements, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"of an image of today",
         asks("all")
             .with("CUDA_VERSION=12.2.0")
             .with("NVIDIA_REQUIRE_CUDA=cuda>=12.2 brand=tesla,driver>=470"),
         "all for compute,utility needs cuda>=12.2 brand=tesla,driver>=470"},
        {"privileged", asks("0").with("NVIDIA_REQUIRE_CUDA=cuda>=12.2").privileged(),
         "0 for compute,utility needs cuda>=12.2"},
        {"with no GPU", asks("none").with("NVIDIA_REQUIRE_DRIVER=driver>=470"),
         "no GPU for compute,utility needs driver>=470"},
        {"disabled by the image, unprivileged",
         asks("0").with("NVIDIA_REQUIRE_CUDA=cuda>=99").with("NVIDIA_DISABLE_REQUIRE=1"),
         "0 for compute,utility"},
        {"not disabled by a word that is no truth",
         asks("0").with("NVIDIA_REQUIRE_CUDA=cuda>=99").with("NVIDIA_DISABLE_REQUIRE=yes"),
         "0 for compute,utility needs cuda>=99"},
        {"enabled again by the last entry",
         asks("0")
             .with("NVIDIA_DISABLE_REQUIRE=true")
             .with("NVIDIA_DISABLE_REQUIRE=false")
             .with("NVIDIA_REQUIRE_CUDA=cuda>=12.2"),
         "0 for compute,utility needs cuda>=12.2"},
        {"disabled by the administrator",
         asks("0").with("NVIDIA_REQUIRE_CUDA=cuda>=99").on({.disable_require = true}),
         "0 for compute,utility"},
        {"disabled by the administrator against the image",
         asks("0")
             .with("NVIDIA_REQUIRE_CUDA=cuda>=99")
             .with("NVIDIA_DISABLE_REQUIRE=false")
             .on({.disable_require = true}),
         "0 for compute,utility"},
        {"of JetPack beside others",
         asks("0")
             .with("NVIDIA_REQUIRE_JETPACK=csv-mounts=all")
             .with("NVIDIA_REQUIRE_JETPACK_HOST_MOUNTS=base-only")
             .with("NVIDIA_REQUIRE_ARCH=arch>=8.0"),
         "0 for compute,utility needs arch>=8.0"},
        {"of a swarm service",
         container()
             .with("DOCKER_RESOURCE_GPU=0")
             .with("NVIDIA_REQUIRE_CUDA=cuda>=12.2")
             .on(kSwarm),
         "0 for compute,utility needs cuda>=12.2"},
    }),
    name_of_row);

// 3.1 to 3.3: images from before NVIDIA_VISIBLE_DEVICES ask by CUDA_VERSION alone.
INSTANTIATE_TEST_SUITE_P(
    LegacyImages, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"alone", legacy(), "all for " + kEverything + " needs cuda>=11.4"},
        {"privileged", legacy().privileged(), "all for " + kEverything + " needs cuda>=11.4"},
        {"with blanks", legacy().with("NVIDIA_VISIBLE_DEVICES= , "), "nothing"},
        {"with void, privileged", legacy().with("NVIDIA_VISIBLE_DEVICES=void").privileged(),
         "nothing"},
        {"with none", legacy().with("NVIDIA_VISIBLE_DEVICES=none"),
         "no GPU for " + kEverything + " needs cuda>=11.4"},
        {"with capabilities", legacy().with("NVIDIA_DRIVER_CAPABILITIES=compute,video"),
         "all for compute,video needs cuda>=11.4"},
        {"with checks disabled by the administrator", legacy().on({.disable_require = true}),
         "all for " + kEverything},
        {"with a version that is none", container().with("CUDA_VERSION=eleven"),
         R"(bad-input: CUDA_VERSION is not a version: "eleven")"},
        {"with a version that is none and void",
         container().with("CUDA_VERSION=eleven").with("NVIDIA_VISIBLE_DEVICES=void"), "nothing"},
        {"with a version that is none and checks disabled",
         container().with("CUDA_VERSION=eleven").on({.disable_require = true}),
         "all for " + kEverything},
        {"of today with a version that is none",
         asks("0").with("CUDA_VERSION=eleven").with("NVIDIA_REQUIRE_CUDA=cuda>=12.2"),
         "0 for compute,utility needs cuda>=12.2"},
        {"with a feature", legacy().with("NVIDIA_GDS=enabled"),
         "all for " + kEverything + " needs cuda>=11.4; note: NVIDIA_GDS"},
        {"with a MIG right", legacy().with("NVIDIA_MIG_MONITOR_DEVICES=all"),
         "refused: NVIDIA_MIG_MONITOR_DEVICES is set in a container without CAP_SYS_ADMIN"},
        {"with a MIG right, privileged",
         legacy().with("NVIDIA_MIG_MONITOR_DEVICES=all").privileged(),
         "all for " + kEverything + " needs cuda>=11.4 mig-monitor"},
    }),
    name_of_row);

// 3.4: rights over MIG devices are for privileged containers; others are refused, not ignored.
INSTANTIATE_TEST_SUITE_P(
    MigRights, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"create", asks("all").with("NVIDIA_MIG_CONFIG_DEVICES=all").privileged(),
         "all for compute,utility mig-config"},
        {"watch", asks("all").with("NVIDIA_MIG_MONITOR_DEVICES=all").privileged(),
         "all for compute,utility mig-monitor"},
        {"create and watch",
         asks("0")
             .with("NVIDIA_MIG_CONFIG_DEVICES=all")
             .with("NVIDIA_MIG_MONITOR_DEVICES=all")
             .privileged(),
         "0 for compute,utility mig-config mig-monitor"},
        {"create by mounts",
         mounts("0").with("NVIDIA_MIG_CONFIG_DEVICES=all").privileged().on(kMounts),
         "0 for compute,utility mig-config"},
        {"create where only the privileged may ask",
         asks("0").with("NVIDIA_MIG_CONFIG_DEVICES=all").privileged().on(kPrivilegedOnly),
         "0 for compute,utility mig-config"},
        {"create, unprivileged", asks("all").with("NVIDIA_MIG_CONFIG_DEVICES=all"),
         "refused: NVIDIA_MIG_CONFIG_DEVICES is set in a container without CAP_SYS_ADMIN; run the "
         "container privileged, or unset the variable"},
        {"watch, unprivileged", asks("all").with("NVIDIA_MIG_MONITOR_DEVICES=all"),
         "refused: NVIDIA_MIG_MONITOR_DEVICES is set in a container without CAP_SYS_ADMIN; run the "
         "container privileged, or unset the variable"},
        {"create by mounts, unprivileged",
         mounts("0").with("NVIDIA_MIG_CONFIG_DEVICES=all").on(kMountsOnly),
         "refused: NVIDIA_MIG_CONFIG_DEVICES is set in a container without CAP_SYS_ADMIN"},
        {"create with no GPU, unprivileged", asks("none").with("NVIDIA_MIG_CONFIG_DEVICES=all"),
         "refused: NVIDIA_MIG_CONFIG_DEVICES is set in a container without CAP_SYS_ADMIN"},
        {"create, unprivileged with every feature",
         asks("0").with("NVIDIA_MIG_CONFIG_DEVICES=all").on(trusting(FeatureSet::all())),
         "refused: NVIDIA_MIG_CONFIG_DEVICES is set in a container without CAP_SYS_ADMIN"},
        {"value without meaning, unprivileged", asks("0").with("NVIDIA_MIG_CONFIG_DEVICES=none"),
         "refused: NVIDIA_MIG_CONFIG_DEVICES is set in a container without CAP_SYS_ADMIN"},
        {"blank value, unprivileged", asks("0").with("NVIDIA_MIG_MONITOR_DEVICES= "),
         "refused: NVIDIA_MIG_MONITOR_DEVICES is set in a container without CAP_SYS_ADMIN"},
        {"empty values, unprivileged",
         asks("0").with("NVIDIA_MIG_CONFIG_DEVICES=").with("NVIDIA_MIG_MONITOR_DEVICES="),
         "0 for compute,utility"},
        {"empty values, privileged",
         asks("0")
             .with("NVIDIA_MIG_CONFIG_DEVICES=")
             .with("NVIDIA_MIG_MONITOR_DEVICES=")
             .privileged(),
         "0 for compute,utility"},
        {"last entry is empty, unprivileged",
         asks("0").with("NVIDIA_MIG_CONFIG_DEVICES=all").with("NVIDIA_MIG_CONFIG_DEVICES="),
         "0 for compute,utility"},
        {"one GPU", asks("0").with("NVIDIA_MIG_CONFIG_DEVICES=0").privileged(),
         R"(bad-input: NVIDIA_MIG_CONFIG_DEVICES is "0"; only all is possible)"},
        {"all and more", asks("0").with("NVIDIA_MIG_MONITOR_DEVICES=all,0").privileged(),
         R"(bad-input: NVIDIA_MIG_MONITOR_DEVICES is "all,0"; only all is possible)"},
        {"all in upper case", asks("0").with("NVIDIA_MIG_CONFIG_DEVICES=ALL").privileged(),
         R"(bad-input: NVIDIA_MIG_CONFIG_DEVICES is "ALL"; only all is possible)"},
        {"without devices", container().with("NVIDIA_MIG_CONFIG_DEVICES=all"), "nothing"},
        {"without devices, privileged",
         container().with("NVIDIA_MIG_CONFIG_DEVICES=all").privileged(), "nothing"},
        {"beside void", asks("void").with("NVIDIA_MIG_MONITOR_DEVICES=all"), "nothing"},
    }),
    name_of_row);

// 3.5: IMEX channels by variable, for those who may ask.
INSTANTIATE_TEST_SUITE_P(
    ImexChannels, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"privileged", asks("0").with("NVIDIA_IMEX_CHANNELS=0").privileged(),
         "0 for compute,utility imex 0"},
        {"several, in any order and twice",
         asks("0").with("NVIDIA_IMEX_CHANNELS=3,0,3").privileged(),
         "0 for compute,utility imex 0,3"},
        {"blanks and empty pieces", asks("0").with("NVIDIA_IMEX_CHANNELS= 3 ,,\t0,").privileged(),
         "0 for compute,utility imex 0,3"},
        {"highest", asks("0").with("NVIDIA_IMEX_CHANNELS=1048575").privileged(),
         "0 for compute,utility imex 1048575"},
        {"with no GPU", asks("none").with("NVIDIA_IMEX_CHANNELS=0").privileged(),
         "no GPU for compute,utility imex 0"},
        {"beyond the highest", asks("0").with("NVIDIA_IMEX_CHANNELS=1048576").privileged(),
         R"(bad-input: not an IMEX channel: "1048576")"},
        {"one wrong among good ones", asks("0").with("NVIDIA_IMEX_CHANNELS=0,x").privileged(),
         R"(bad-input: not an IMEX channel: "x")"},
        {"name of a node", asks("0").with("NVIDIA_IMEX_CHANNELS=channel0").privileged(),
         R"(bad-input: not an IMEX channel: "channel0")"},
        {"empty", asks("0").with("NVIDIA_IMEX_CHANNELS=").privileged(), "0 for compute,utility"},
        {"commas and blanks", asks("0").with("NVIDIA_IMEX_CHANNELS= ,, ").privileged(),
         "0 for compute,utility"},
        {"void", asks("0").with("NVIDIA_IMEX_CHANNELS=void").privileged(), "0 for compute,utility"},
        {"void among others", asks("0").with("NVIDIA_IMEX_CHANNELS=0,void").privileged(),
         "0 for compute,utility"},
        {"none", asks("0").with("NVIDIA_IMEX_CHANNELS=none").privileged(), "0 for compute,utility"},
        {"all", asks("0").with("NVIDIA_IMEX_CHANNELS=all").privileged(), "0 for compute,utility"},
        {"all between blanks", asks("0").with("NVIDIA_IMEX_CHANNELS= all ,").privileged(),
         "0 for compute,utility"},
        {"unprivileged", asks("0").with("NVIDIA_IMEX_CHANNELS=0"),
         "0 for compute,utility; note: NVIDIA_IMEX_CHANNELS"},
        {"unprivileged and wrong", asks("0").with("NVIDIA_IMEX_CHANNELS=x"),
         "0 for compute,utility; note: NVIDIA_IMEX_CHANNELS"},
        {"unprivileged and trusted",
         asks("0").with("NVIDIA_IMEX_CHANNELS=0,3").on(trusting({Feature::kImex})),
         "0 for compute,utility imex 0,3"},
        {"unprivileged, trusted and wrong",
         asks("0").with("NVIDIA_IMEX_CHANNELS=x").on(trusting({Feature::kImex})),
         R"(bad-input: not an IMEX channel: "x")"},
        {"unprivileged and trusted with other features",
         asks("0")
             .with("NVIDIA_IMEX_CHANNELS=0")
             .on(trusting({Feature::kGds, Feature::kGdrcopy, Feature::kMofed, Feature::kNvswitch})),
         "0 for compute,utility; note: NVIDIA_IMEX_CHANNELS"},
        {"unprivileged and empty", asks("0").with("NVIDIA_IMEX_CHANNELS="),
         "0 for compute,utility"},
        {"unprivileged and void", asks("0").with("NVIDIA_IMEX_CHANNELS=void"),
         "0 for compute,utility"},
        {"unprivileged and all", asks("0").with("NVIDIA_IMEX_CHANNELS=all"),
         "0 for compute,utility"},
        {"without devices, privileged", container().with("NVIDIA_IMEX_CHANNELS=0").privileged(),
         "nothing"},
        {"beside void", asks("void").with("NVIDIA_IMEX_CHANNELS=0"), "nothing"},
        {"devices by mount, privileged",
         mounts("0").with("NVIDIA_IMEX_CHANNELS=3").privileged().on(kMounts),
         "0 for compute,utility imex 3"},
        {"devices by mount, unprivileged", mounts("0").with("NVIDIA_IMEX_CHANNELS=3").on(kMounts),
         "0 for compute,utility; note: NVIDIA_IMEX_CHANNELS"},
        {"ignored whoever asks",
         asks("0").with("NVIDIA_IMEX_CHANNELS=3").privileged().on({.ignore_imex_channels = true}),
         "0 for compute,utility; note: NVIDIA_IMEX_CHANNELS"},
        // The administrator named the feature: as with the other features, its variable counts even
        // where those that name devices do not.
        {"unprivileged and trusted where only the privileged may ask",
         mounts("0")
             .with("NVIDIA_IMEX_CHANNELS=3")
             .on({.accept_env_when_unprivileged = false,
                  .accept_volume_mounts = true,
                  .features_when_unprivileged = {Feature::kImex}}),
         "0 for compute,utility imex 3"},
    }),
    name_of_row);

// 3.1, 3.5: IMEX channels by mount, which the user makes and not the image.
INSTANTIATE_TEST_SUITE_P(
    ImexMounts, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"unprivileged", mounts("0").mounting("imex/3").on(kMounts),
         "0 for compute,utility imex 3"},
        {"unprivileged where only mounts count", mounts("0").mounting("imex/3").on(kMountsOnly),
         "0 for compute,utility imex 3"},
        {"privileged", mounts("0").mounting("imex/3").privileged().on(kMounts),
         "0 for compute,utility imex 3"},
        {"several, in any order and twice",
         mounts("imex/3").mounting("0").mounting("imex/0").mounting("imex//3").on(kMounts),
         "0 for compute,utility imex 0,3"},
        {"devices by variable", asks("0").mounting("imex/3").on(kMounts),
         "0 for compute,utility imex 3"},
        {"over the variable",
         mounts("0").mounting("imex/3").with("NVIDIA_IMEX_CHANNELS=5").privileged().on(kMounts),
         "0 for compute,utility imex 3"},
        {"over the variable, unprivileged",
         mounts("0").mounting("imex/3").with("NVIDIA_IMEX_CHANNELS=5").on(kMounts),
         "0 for compute,utility imex 3"},
        {"over a wrong variable",
         mounts("0").mounting("imex/3").with("NVIDIA_IMEX_CHANNELS=x").privileged().on(kMounts),
         "0 for compute,utility imex 3"},
        {"wrong one", mounts("0").mounting("imex/x").on(kMounts),
         R"(bad-input: not an IMEX channel: "x")"},
        {"deeper one", mounts("0").mounting("imex/0/1").on(kMounts),
         R"(bad-input: not an IMEX channel: "0/1")"},
        {"all", mounts("0").mounting("imex/all").on(kMounts),
         R"(bad-input: not an IMEX channel: "all")"},
        {"beyond the highest", mounts("0").mounting("imex/1048576").on(kMounts),
         R"(bad-input: not an IMEX channel: "1048576")"},
        {"without devices", mounts("imex/3").on(kMounts), "nothing"},
        {"devices ignored", asks("0").mounting("imex/3").on(kMountsOnly),
         "nothing; note: NVIDIA_VISIBLE_DEVICES"},
        {"not accepted", asks("0").mounting("imex/3"),
         "0 for compute,utility; note: mounts below /var/run/nvidia-container-devices"},
        {"not accepted, privileged", asks("0").mounting("imex/3").privileged(),
         "0 for compute,utility; note: mounts below /var/run/nvidia-container-devices"},
        {"not accepted beside the variable",
         asks("0").mounting("imex/3").with("NVIDIA_IMEX_CHANNELS=5").privileged(),
         "0 for compute,utility imex 5; note: mounts below /var/run/nvidia-container-devices"},
    }),
    name_of_row);

// 3.6: what reaches further than a container's own GPUs, for those who may ask.
INSTANTIATE_TEST_SUITE_P(
    Features, DecisionTable,
    ::testing::ValuesIn(std::vector<Row>{
        {"GDS, privileged", asks("0").with("NVIDIA_GDS=enabled").privileged(),
         "0 for compute,utility with gds"},
        {"MOFED, privileged", asks("0").with("NVIDIA_MOFED=enabled").privileged(),
         "0 for compute,utility with mofed"},
        {"GDRCOPY, privileged", asks("0").with("NVIDIA_GDRCOPY=enabled").privileged(),
         "0 for compute,utility with gdrcopy"},
        {"NVSWITCH, privileged", asks("0").with("NVIDIA_NVSWITCH=enabled").privileged(),
         "0 for compute,utility with nvswitch"},
        {"GDS, unprivileged", asks("0").with("NVIDIA_GDS=enabled"),
         "0 for compute,utility; note: NVIDIA_GDS"},
        {"MOFED, unprivileged", asks("0").with("NVIDIA_MOFED=enabled"),
         "0 for compute,utility; note: NVIDIA_MOFED"},
        {"GDRCOPY, unprivileged", asks("0").with("NVIDIA_GDRCOPY=enabled"),
         "0 for compute,utility; note: NVIDIA_GDRCOPY"},
        {"NVSWITCH, unprivileged", asks("0").with("NVIDIA_NVSWITCH=enabled"),
         "0 for compute,utility; note: NVIDIA_NVSWITCH"},
        {"GDS, trusted", asks("0").with("NVIDIA_GDS=enabled").on(trusting({Feature::kGds})),
         "0 for compute,utility with gds"},
        {"MOFED, trusted", asks("0").with("NVIDIA_MOFED=enabled").on(trusting({Feature::kMofed})),
         "0 for compute,utility with mofed"},
        {"GDRCOPY, trusted",
         asks("0").with("NVIDIA_GDRCOPY=enabled").on(trusting({Feature::kGdrcopy})),
         "0 for compute,utility with gdrcopy"},
        {"NVSWITCH, trusted",
         asks("0").with("NVIDIA_NVSWITCH=enabled").on(trusting({Feature::kNvswitch})),
         "0 for compute,utility with nvswitch"},
        {"two, privileged",
         asks("0").with("NVIDIA_MOFED=enabled").with("NVIDIA_GDS=enabled").privileged(),
         "0 for compute,utility with gds,mofed"},
        {"everything, privileged",
         asks("0")
             .with("NVIDIA_GDS=enabled")
             .with("NVIDIA_MOFED=enabled")
             .with("NVIDIA_GDRCOPY=enabled")
             .with("NVIDIA_NVSWITCH=enabled")
             .with("NVIDIA_IMEX_CHANNELS=0")
             .with("NVIDIA_MIG_CONFIG_DEVICES=all")
             .with("NVIDIA_REQUIRE_CUDA=cuda>=12.2")
             .privileged(),
         "0 for compute,utility needs cuda>=12.2 with gds,gdrcopy,mofed,nvswitch imex 0 "
         "mig-config"},
        {"everything that is ignored, unprivileged",
         asks("0")
             .with("NVIDIA_GDS=enabled")
             .with("NVIDIA_MOFED=enabled")
             .with("NVIDIA_GDRCOPY=enabled")
             .with("NVIDIA_NVSWITCH=enabled")
             .with("NVIDIA_IMEX_CHANNELS=0"),
         "0 for compute,utility; note: NVIDIA_GDRCOPY; note: NVIDIA_GDS; note: "
         "NVIDIA_IMEX_CHANNELS; note: NVIDIA_MOFED; note: NVIDIA_NVSWITCH"},
        {"two and one trusted",
         asks("0")
             .with("NVIDIA_GDS=enabled")
             .with("NVIDIA_MOFED=enabled")
             .on(trusting({Feature::kGds})),
         "0 for compute,utility with gds; note: NVIDIA_MOFED"},
        {"trusted and not asked for", asks("0").on(trusting(FeatureSet::all())),
         "0 for compute,utility"},
        {"not asked for, privileged", asks("0").privileged().on(trusting(FeatureSet::all())),
         "0 for compute,utility"},
        {"with no GPU, privileged", asks("none").with("NVIDIA_GDS=enabled").privileged(),
         "no GPU for compute,utility with gds"},
        // Exactly "enabled"; what is no request is not told, either.
        {"in upper case", asks("0").with("NVIDIA_GDS=Enabled").privileged(),
         "0 for compute,utility"},
        {"with a blank", asks("0").with("NVIDIA_MOFED=enabled ").privileged(),
         "0 for compute,utility"},
        {"by true", asks("0").with("NVIDIA_GDRCOPY=true").privileged(), "0 for compute,utility"},
        {"by 1", asks("0").with("NVIDIA_NVSWITCH=1").privileged(), "0 for compute,utility"},
        {"disabled, unprivileged", asks("0").with("NVIDIA_GDS=disabled"), "0 for compute,utility"},
        {"empty, unprivileged", asks("0").with("NVIDIA_GDS="), "0 for compute,utility"},
        {"disabled by the last entry",
         asks("0").with("NVIDIA_GDS=enabled").with("NVIDIA_GDS=disabled").privileged(),
         "0 for compute,utility"},
        {"unknown one, privileged", asks("0").with("NVIDIA_ENABLE_GDS=enabled").privileged(),
         "0 for compute,utility"},
        // Devices by other ways.
        {"without devices, privileged", container().with("NVIDIA_GDS=enabled").privileged(),
         "nothing"},
        {"beside void, unprivileged", asks("void").with("NVIDIA_GDS=enabled"), "nothing"},
        {"devices by mount, unprivileged", mounts("0").with("NVIDIA_GDS=enabled").on(kMounts),
         "0 for compute,utility; note: NVIDIA_GDS"},
        {"devices by mount, privileged",
         mounts("0").with("NVIDIA_GDS=enabled").privileged().on(kMounts),
         "0 for compute,utility with gds"},
        {"where only the privileged may ask",
         asks("0").with("NVIDIA_GDS=enabled").privileged().on(kPrivilegedOnly),
         "0 for compute,utility with gds"},
        // 8.4: the device plugin sets these variables with volume mounts, too; 3.6 has no rule of
        // privileges, and the administrator named the feature.
        {"devices by mount, trusted where only the privileged may ask for devices",
         mounts("0")
             .with("NVIDIA_GDS=enabled")
             .on({.accept_env_when_unprivileged = false,
                  .accept_volume_mounts = true,
                  .features_when_unprivileged = {Feature::kGds}}),
         "0 for compute,utility with gds"},
    }),
    name_of_row);

TEST(DecideRequest, SaysWhyItIgnoredAFeatureAndWhichSettingAllowsIt) {
  const Given given = asks("0").with("NVIDIA_GDS=enabled").with("NVIDIA_IMEX_CHANNELS=0");
  const RequestDecision decision = value_of(decide_request(given.spec, given.config));
  ASSERT_EQ(decision.notes.size(), 2U);
  for (const Note& note : decision.notes) {
    EXPECT_THAT(note.reason, StartsWith("ignored: the container has no CAP_SYS_ADMIN"));
    EXPECT_THAT(note.reason, HasSubstr(note.what == "NVIDIA_GDS" ? "\"gds\"" : "\"imex\""));
    EXPECT_THAT(note.reason, HasSubstr("features-when-unprivileged"));
  }
}

TEST(DecideRequest, SaysWhyItIgnoredTheVariablesAndWhichSettingCountsThem) {
  for (const Given& given : {asks("0").on(kPrivilegedOnly), legacy().on(kPrivilegedOnly)}) {
    const RequestDecision decision = value_of(decide_request(given.spec, given.config));
    ASSERT_EQ(decision.notes.size(), 1U);
    EXPECT_THAT(decision.notes.front().reason,
                StartsWith("ignored: the container has no CAP_SYS_ADMIN"));
    EXPECT_THAT(decision.notes.front().reason, HasSubstr("accept-env-when-unprivileged"));
  }
}

TEST(DecideRequest, UnderstandsTheMountsAndPrivilegesThatEnginesWrite) {
  const std::string both = "0 GPU-1a2b3c4d-0011-2233-4455-66778899aabb for compute,utility";
  struct {
    std::string_view folder;
    Config config;
    std::string expected;
  } const rows[] = {
      {"docker20-gpus-all-mig", {}, "all for utility mig-config"},
      {"docker20-gpus-all-mig", kPrivilegedOnly, "all for utility mig-config"},
      {"docker20-gpus-all", kPrivilegedOnly, "nothing; note: NVIDIA_VISIBLE_DEVICES"},
      {"docker20-gpus-all-privileged", kPrivilegedOnly, "all for compute,utility"},
      {"podman43-runc-privileged", kPrivilegedOnly, "all for compute,utility"},
      {"docker20-runtime-nvidia-volume-mounts", kMounts, both},
      {"docker20-runtime-nvidia-volume-mounts", kMountsOnly, both},
      {"docker20-runtime-nvidia-csv-device", {}, "0 1 for compute,utility"},
      {"containerd16-ctr-gpus-0-privileged", kMounts, "nothing"},
      {"docker28-cdi-all", {}, "nothing"},
      {"podman43-runc-cdi-all", {}, "nothing"},
      {"podman43-runc-cdi-all", kMountsOnly, "nothing"},
      {"podman43-crun-privileged", kPrivilegedOnly, "all for compute,utility"},
  };
  for (const auto& row : rows) {
    const ContainerSpec spec =
        value_of(parse_container_spec(captured(concat("engines/", row.folder, "/config.json"))));
    EXPECT_EQ(decision_text(spec, row.config), row.expected) << row.folder;
  }
}

TEST(DecideRequest, TakesAsManyDeviceMountsAsAMachineHasDevices) {
  // 1.5: 64 GPUs with 8 MIG devices each.
  Given given = container().on(kMounts);
  std::string expected;
  for (int gpu = 0; gpu < 64; ++gpu) {
    for (int instance = 0; instance < 8; ++instance) {
      const std::string name = concat(gpu, ":", instance);
      given.spec.mounts.push_back({"/dev/null", kFolder + "/" + name});
      expected += name + " ";
    }
  }
  EXPECT_EQ(decision_text(given.spec, given.config), expected + "for compute,utility");
}

}  // namespace
}  // namespace gpuhook
