// SPDX-License-Identifier: Apache-2.0
#include "gpuhook/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "request/decision_text.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::captured;
using testing::decision_text;
using ::testing::StartsWith;
using testing::value_of;

std::string decision(const std::vector<std::string>& env, const Config& config = {},
                     const std::vector<std::string>& bounding = {}) {
  return decision_text({.env = env, .bounding = bounding, .root_path = "rootfs"}, config);
}

constexpr std::string_view kUuid = "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";

struct Row {
  std::string name;
  std::vector<std::string> env;
  std::string expected;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

std::string name_of_row(const ::testing::TestParamInfo<Row>& row) {
  std::string name = row.param.name;
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
}

class RequestTable : public ::testing::TestWithParam<Row> {};

TEST_P(RequestTable, Decides) { EXPECT_EQ(decision(GetParam().env), GetParam().expected); }

const std::string kDevices = "NVIDIA_VISIBLE_DEVICES=";
const std::string kCapabilities = "NVIDIA_DRIVER_CAPABILITIES=";
constexpr std::string_view kNames =
    "; use all, an index, GPU-<uuid>, a PCI address, <gpu>:<mig> or MIG-<uuid>; `gpu-hook info` "
    "lists them";

std::string bad_device(std::string_view quoted) {
  return concat("bad-input: reading NVIDIA_VISIBLE_DEVICES: not a device name: ", quoted, kNames);
}
std::string bad_capability(std::string_view quoted) {
  return concat("bad-input: reading NVIDIA_DRIVER_CAPABILITIES: unknown driver capability ", quoted,
                "; use all or some of compute, compat32, display, graphics, ngx, utility, video");
}

INSTANTIATE_TEST_SUITE_P(
    Devices, RequestTable,
    ::testing::Values(
        Row{"no variable", {}, "nothing"},
        Row{"other variables", {"PATH=/bin", "HOME=/"}, "nothing"},
        Row{"similar name",
            {"NVIDIA_VISIBLE_DEVICE=all", "XNVIDIA_VISIBLE_DEVICES=all"},
            "nothing"},
        Row{"lower case name", {"nvidia_visible_devices=all"}, "nothing"},
        Row{"name without value", {"NVIDIA_VISIBLE_DEVICES"}, "nothing"},
        Row{"empty", {kDevices}, "nothing"}, Row{"blank", {kDevices + "  "}, "nothing"},
        Row{"comma", {kDevices + ","}, "nothing"},
        Row{"commas and blanks", {kDevices + " , ,\t"}, "nothing"},
        Row{"void", {kDevices + "void"}, "nothing"},
        Row{"void among others", {kDevices + "0,void,1"}, "nothing"},
        Row{"void before none", {kDevices + "void,none"}, "nothing"},
        Row{"void after all", {kDevices + "all,void"}, "nothing"},
        Row{"void with blanks", {kDevices + " void "}, "nothing"},
        Row{"void in upper case", {kDevices + "VOID"}, bad_device("\"VOID\"")},
        Row{"none", {kDevices + "none"}, "no GPU for compute,utility"},
        Row{"none before all", {kDevices + "none,all"}, "no GPU for compute,utility"},
        Row{"none after an index", {kDevices + "0,none"}, "no GPU for compute,utility"},
        Row{"none with blanks", {kDevices + ", none ,"}, "no GPU for compute,utility"},
        Row{"all", {kDevices + "all"}, "all for compute,utility"},
        Row{"all before none", {kDevices + "all,none"}, "all for compute,utility"},
        Row{"all after an index", {kDevices + "0,all"}, "all for compute,utility"},
        Row{"all after a wrong name", {kDevices + "no-such,all"}, "all for compute,utility"},
        Row{"index", {kDevices + "0"}, "0 for compute,utility"},
        Row{"indices in their order", {kDevices + "2,0,1"}, "2 0 1 for compute,utility"},
        Row{"index with blanks", {kDevices + " 1 ,\t2"}, "1 2 for compute,utility"},
        Row{"empty pieces", {kDevices + ",0,,1,"}, "0 1 for compute,utility"},
        Row{"repeated index", {kDevices + "0,0,1,0"}, "0 1 for compute,utility"},
        Row{"index repeated in another spelling", {kDevices + "1,01"}, "1 for compute,utility"},
        Row{"uuid", {concat(kDevices, kUuid)}, concat(kUuid, " for compute,utility")},
        Row{"uuid in other case",
            {concat(kDevices, kUuid, ",gpu-0A0A0A0A-1B1B-2C2C-3D3D-4E4E4E4E4E4E")},
            concat(kUuid, " for compute,utility")},
        Row{"PCI address", {kDevices + "00000000:0A:00.0"}, "0000:0a:00.0 for compute,utility"},
        Row{"MIG index", {kDevices + "0:1"}, "0:1 for compute,utility"},
        Row{"MIG uuid",
            {kDevices + "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"},
            "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e for compute,utility"},
        Row{"last of equal names", {kDevices + "all", kDevices + "1"}, "1 for compute,utility"},
        Row{"last of equal names is void", {kDevices + "all", kDevices + "void"}, "nothing"},
        Row{"equals sign in the value", {kDevices + "nvidia.com/gpu=0"}, "0 for compute,utility"},
        Row{"path", {kDevices + "/dev/mem"}, bad_device("\"/dev/mem\"")},
        Row{"path upwards", {kDevices + "0,../1"}, bad_device("\"../1\"")},
        Row{"negative index", {kDevices + "-1"}, bad_device("\"-1\"")},
        Row{"index beyond 32 bits", {kDevices + "4294967296"}, bad_device("\"4294967296\"")},
        Row{"index in scientific form", {kDevices + "1e9"}, bad_device("\"1e9\"")},
        Row{"foreign digit", {kDevices + "\xd9\xa3"}, bad_device("\"\\xd9\\xa3\"")},
        Row{"line break inside", {kDevices + "0\n1"}, bad_device("\"0\\x0a1\"")},
        Row{"shell text", {kDevices + "$(id)"}, bad_device("\"$(id)\"")},
        Row{"semicolon", {kDevices + "0;1"}, bad_device("\"0;1\"")},
        Row{"NUL inside", {kDevices + std::string("0\0", 2)}, bad_device("\"0\\x00\"")}),
    name_of_row);

INSTANTIATE_TEST_SUITE_P(
    Capabilities, RequestTable,
    ::testing::Values(
        Row{"unset", {kDevices + "0"}, "0 for compute,utility"},
        Row{"empty list", {kDevices + "0", kCapabilities}, "0 for compute,utility"},
        Row{"only commas", {kDevices + "0", kCapabilities + " ,,"}, "0 for compute,utility"},
        Row{"one", {kDevices + "0", kCapabilities + "video"}, "0 for video"},
        Row{"several with blanks",
            {kDevices + "0", kCapabilities + " utility , ngx,"},
            "0 for ngx,utility"},
        Row{"repeated", {kDevices + "0", kCapabilities + "video,video"}, "0 for video"},
        Row{"all of them",
            {kDevices + "0", kCapabilities + "all"},
            "0 for compute,compat32,display,graphics,ngx,utility,video"},
        Row{"all and one",
            {kDevices + "0", kCapabilities + "video,all"},
            "0 for compute,compat32,display,graphics,ngx,utility,video"},
        Row{"last one wins",
            {kDevices + "0", kCapabilities + "all", kCapabilities + "ngx"},
            "0 for ngx"},
        Row{"with no GPU", {kDevices + "none", kCapabilities + "utility"}, "no GPU for utility"},
        Row{"without devices", {kCapabilities + "all"}, "nothing"},
        Row{"without devices and wrong", {kCapabilities + "wrong"}, "nothing"},
        Row{"unknown",
            {kDevices + "0", kCapabilities + "compute,cuda"},
            bad_capability("\"cuda\"")},
        Row{"none is unknown",
            {kDevices + "0", kCapabilities + "none"},
            bad_capability("\"none\"")},
        Row{"upper case",
            {kDevices + "0", kCapabilities + "Compute"},
            bad_capability("\"Compute\"")},
        Row{"unknown beside all",
            {kDevices + "0", kCapabilities + "all,x"},
            bad_capability("\"x\"")}),
    name_of_row);

INSTANTIATE_TEST_SUITE_P(
    Requirements, RequestTable,
    ::testing::Values(
        Row{"one",
            {kDevices + "0", "NVIDIA_REQUIRE_CUDA=cuda>=12.2"},
            "0 for compute,utility needs cuda>=12.2"},
        Row{"sorted by name",
            {kDevices + "0", "NVIDIA_REQUIRE_Z=z", "NVIDIA_REQUIRE_A=a"},
            "0 for compute,utility needs a needs z"},
        Row{"last of equal names",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_REQUIRE_A=b"},
            "0 for compute,utility needs b"},
        Row{"empty", {kDevices + "0", "NVIDIA_REQUIRE_CUDA="}, "0 for compute,utility"},
        Row{"blank", {kDevices + "0", "NVIDIA_REQUIRE_CUDA= \t"}, "0 for compute,utility"},
        Row{"no name behind the prefix",
            {kDevices + "0", "NVIDIA_REQUIRE_=a"},
            "0 for compute,utility needs a"},
        Row{"prefix cut short", {kDevices + "0", "NVIDIA_REQUIRE=a"}, "0 for compute,utility"},
        Row{"of JetPack",
            {kDevices + "0", "NVIDIA_REQUIRE_JETPACK=csv-mounts=all",
             "NVIDIA_REQUIRE_JETPACK_HOST_MOUNTS=base-only"},
            "0 for compute,utility"},
        Row{"disabled by 1",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=1"},
            "0 for compute,utility"},
        Row{"disabled by true",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=true"},
            "0 for compute,utility"},
        Row{"disabled by TRUE",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=TRUE"},
            "0 for compute,utility"},
        Row{"disabled by True",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=True"},
            "0 for compute,utility"},
        Row{"disabled by t",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=t"},
            "0 for compute,utility"},
        Row{"disabled by T",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=T"},
            "0 for compute,utility"},
        Row{"not disabled by yes",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=yes"},
            "0 for compute,utility needs a"},
        Row{"not disabled by tRUE",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=tRUE"},
            "0 for compute,utility needs a"},
        Row{"not disabled by 0",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE=0"},
            "0 for compute,utility needs a"},
        Row{"not disabled by nothing",
            {kDevices + "0", "NVIDIA_REQUIRE_A=a", "NVIDIA_DISABLE_REQUIRE="},
            "0 for compute,utility needs a"}),
    name_of_row);

INSTANTIATE_TEST_SUITE_P(
    LegacyImages, RequestTable,
    ::testing::Values(
        Row{"version alone",
            {"CUDA_VERSION=11.4.148"},
            "all for compute,compat32,display,graphics,ngx,utility,video needs cuda>=11.4"},
        Row{"version of two numbers",
            {"CUDA_VERSION=9.0"},
            "all for compute,compat32,display,graphics,ngx,utility,video needs cuda>=9.0"},
        Row{"empty version", {"CUDA_VERSION="}, "nothing"},
        Row{"with requirement",
            {"CUDA_VERSION=11.4.148", "NVIDIA_REQUIRE_CUDA=cuda>=11.4"},
            "nothing"},
        Row{"with empty requirement",
            {"CUDA_VERSION=11.4.148", "NVIDIA_REQUIRE_CUDA="},
            "all for compute,compat32,display,graphics,ngx,utility,video needs cuda>=11.4"},
        Row{"with devices",
            {"CUDA_VERSION=11.4.148", kDevices + "0"},
            "0 for compute,compat32,display,graphics,ngx,utility,video needs cuda>=11.4"},
        Row{"with empty devices", {"CUDA_VERSION=11.4.148", kDevices}, "nothing"},
        Row{"with void", {"CUDA_VERSION=11.4.148", kDevices + "void"}, "nothing"},
        Row{"with capabilities",
            {"CUDA_VERSION=11.4.148", kCapabilities + "utility"},
            "all for utility needs cuda>=11.4"},
        Row{"with empty capabilities",
            {"CUDA_VERSION=11.4.148", kCapabilities},
            "all for compute,utility needs cuda>=11.4"},
        Row{"with another requirement",
            {"CUDA_VERSION=11.4.148", "NVIDIA_REQUIRE_DRIVER=driver>=470"},
            "all for compute,compat32,display,graphics,ngx,utility,video needs driver>=470 needs "
            "cuda>=11.4"},
        Row{"with checks disabled",
            {"CUDA_VERSION=x", "NVIDIA_DISABLE_REQUIRE=1"},
            "all for compute,compat32,display,graphics,ngx,utility,video"},
        Row{"version of one number",
            {"CUDA_VERSION=12"},
            "bad-input: CUDA_VERSION is not a version: \"12\""},
        Row{"version that is none",
            {"CUDA_VERSION=11.4-rc1\n"},
            "bad-input: CUDA_VERSION is not a version: \"11.4-rc1\\x0a\""}),
    name_of_row);

TEST(DecideRequest, AsksForTheSupportedPartOfAllCapabilities) {
  const Config config{.supported_capabilities = {Capability::kUtility, Capability::kVideo}};
  EXPECT_EQ(decision({kDevices + "0", kCapabilities + "all"}, config), "0 for utility,video");
  EXPECT_EQ(decision({kDevices + "0"}, config), "0 for utility");
  EXPECT_EQ(decision({"CUDA_VERSION=11.4", "NVIDIA_DISABLE_REQUIRE=1"}, config),
            "all for utility,video");
}

TEST(DecideRequest, RefusesACapabilityThatTheAdministratorDisabled) {
  const Config config{.supported_capabilities = {Capability::kUtility, Capability::kVideo}};
  EXPECT_EQ(
      decision({kDevices + "0", kCapabilities + "utility,compute"}, config),
      "refused: driver capability \"compute\" is disabled on this host; allowed: utility,video");
}

TEST(DecideRequest, ChecksNoRequirementWhereTheAdministratorSaysSo) {
  EXPECT_EQ(decision({kDevices + "0", "NVIDIA_REQUIRE_A=a"}, {.disable_require = true}),
            "0 for compute,utility");
}

TEST(DecideRequest, ListensToPrivilegedContainersOnlyWhereTheAdministratorSaysSo) {
  const Config config{.accept_env_when_unprivileged = false};
  const std::string ignored = "nothing; note: NVIDIA_VISIBLE_DEVICES";
  EXPECT_EQ(decision({kDevices + "0"}, config), ignored);
  EXPECT_EQ(decision({kDevices + "0"}, config, {"CAP_KILL", "CAP_SYS_ADMIN"}),
            "0 for compute,utility");
  for (const char* const spoof :
       {"cap_sys_admin", "SYS_ADMIN", "CAP_SYS_ADMIN ", "CAP_SYS_ADMINX", "ALL"})
    EXPECT_EQ(decision({kDevices + "0"}, config, {spoof}), ignored) << spoof;
}

TEST(DecideRequest, IgnoresEntriesThatAreNoVariables) {
  EXPECT_EQ(decision({"", "=", "NVIDIA_VISIBLE_DEVICES", "\xff\xfe=x", kDevices + "0"}),
            "0 for compute,utility");
}

TEST(DecideRequest, Takes1024NamesAndNoMore) {
  std::string names = "0";
  for (int i = 1; i < 1024; ++i) names += concat(",", i);
  EXPECT_THAT(decision({kDevices + names}), StartsWith("0 1 2 "));
  EXPECT_EQ(decision({kDevices + names + ",1024"}),
            "bad-input: NVIDIA_VISIBLE_DEVICES names more than 1024 things");
  EXPECT_EQ(decision({kDevices + names + ",0"}),
            "bad-input: NVIDIA_VISIBLE_DEVICES names more than 1024 things");
}

TEST(DecideRequest, TakesValuesOf65536BytesAndNoMore) {
  EXPECT_EQ(decision({kDevices + "0" + std::string(65535, ',')}), "0 for compute,utility");
  EXPECT_EQ(decision({kDevices + "0" + std::string(65536, ',')}),
            "bad-input: NVIDIA_VISIBLE_DEVICES has more than 65536 bytes");
  EXPECT_EQ(decision({kDevices + "0", kCapabilities + std::string(65537, ',')}),
            "bad-input: NVIDIA_DRIVER_CAPABILITIES has more than 65536 bytes");
}

TEST(DecideRequest, UnderstandsWhatEnginesWrite) {
  struct {
    std::string_view folder, expected;
  } const rows[] = {
      {"docker20-gpus-all", "all for compute,utility"},
      {"docker20-gpus-device-1-2", "1 2 for compute,utility"},
      {"docker20-gpus-device-uuid", "GPU-1a2b3c4d-0011-2233-4455-66778899aabb for compute,utility"},
      {"docker20-gpus-all-cap-compute-video", "all for compute,video"},
      {"docker20-gpus-all-cap-utility", "all for utility"},
      {"docker20-gpus-0", "nothing"},
      {"docker28-gpus-all", "all for compute,utility"},
  };
  for (const auto& row : rows) {
    const ContainerSpec spec =
        value_of(parse_container_spec(captured(concat("engines/", row.folder, "/config.json"))));
    EXPECT_EQ(decision(spec.env), row.expected) << row.folder;
  }
}

TEST(DecideRequest, TakesTheValueOfTheEngineBeforeThatOfTheImage) {
  // The image says "all", `docker --gpus` and `-e` say otherwise and come last.
  const ContainerSpec spec =
      value_of(parse_container_spec(captured("engines/docker28-gpus-cuda-image/config.json")));
  EXPECT_THAT(
      decision(spec.env),
      StartsWith("0 for compute,utility needs cuda>=12.4 brand=tesla,driver>=470,driver<471"));
}

TEST(MayConcernUs, SaysNoOnlyWhereNothingCouldBeARequest) {
  const std::string folder = "/var/run/nvidia-container-devices/";
  struct {
    std::string_view name;
    ContainerSpec spec;
    bool expected;
  } const rows[] = {
      {"nothing at all", {}, false},
      {"other variables", {.env = {"PATH=/bin", "HOME=/"}}, false},
      {"privileges", {.bounding = {"CAP_SYS_ADMIN"}}, false},
      {"variable with another beginning", {.env = {"XNVIDIA_VISIBLE_DEVICES=all"}}, false},
      {"variable in lower case", {.env = {"nvidia_visible_devices=all"}}, false},
      {"our name in a value", {.env = {"A=NVIDIA_VISIBLE_DEVICES=all"}}, false},
      {"longer name than CUDA_VERSION", {.env = {"CUDA_VERSIONS=12.2"}}, false},
      {"devices", {.env = {"NVIDIA_VISIBLE_DEVICES=all"}}, true},
      {"devices behind other variables", {.env = {"A=1", "NVIDIA_VISIBLE_DEVICES=0"}}, true},
      {"capabilities", {.env = {"NVIDIA_DRIVER_CAPABILITIES=all"}}, true},
      {"legacy image", {.env = {"CUDA_VERSION=11.4.148"}}, true},
      {"swarm resource", {.env = {"DOCKER_RESOURCE_GPU=0"}}, true},
      {"swarm resource of another name", {.env = {"DOCKER_RESOURCE_NVIDIA-GPU=0"}}, true},
      {"device mount", {.mounts = {{"/dev/null", folder + "0"}}}, true},
      {"CDI mount", {.mounts = {{"/dev/null", folder + "cdi/nvidia.com/gpu/0"}}}, true},
      {"IMEX mount", {.mounts = {{"/dev/null", folder + "imex/0"}}}, true},
      {"device mount behind others",
       {.mounts = {{"proc", "/proc"}, {"/dev/null", folder + "0"}}},
       true},
      {"mount of another file", {.mounts = {{"/dev/zero", folder + "0"}}}, false},
      {"mount elsewhere", {.mounts = {{"/dev/null", "/var/run/0"}}}, false},
  };
  for (const auto& row : rows) EXPECT_EQ(may_concern_us(row.spec), row.expected) << row.name;
}

}  // namespace
}  // namespace gpuhook
