// SPDX-License-Identifier: Apache-2.0
#include "request/device_mounts.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "request/decision_text.h"

namespace gpuhook::request {
namespace {

using testing::decision_text;

const std::string kFolder = "/var/run/nvidia-container-devices";

// "nothing", or "devices NAME..." and "imex CHANNEL...", each name in quotes.
std::string found_in(const std::vector<SpecMount>& mounts) {
  const DeviceMounts found = device_mounts(mounts);
  std::vector<std::string> words;
  if (!found.devices.empty()) words.emplace_back("devices");
  for (const std::string& device : found.devices) words.push_back(in_quotes(device));
  if (!found.imex_channels.empty()) words.emplace_back("imex");
  for (const std::string& channel : found.imex_channels) words.push_back(in_quotes(channel));
  return words.empty() ? "nothing" : joined(words, " ");
}

// What a mount of /dev/null on each of the destinations asks for.
std::string found_below(const std::vector<std::string>& names) {
  std::vector<SpecMount> mounts;
  for (const std::string& name : names) mounts.push_back({"/dev/null", kFolder + "/" + name});
  return found_in(mounts);
}

TEST(DeviceMounts, AreNamedByWhatLiesBelowTheDirectory) {
  struct {
    std::string name, expected;
  } const rows[] = {
      {"0", R"(devices "0")"},
      {"all", R"(devices "all")"},
      {"void", R"(devices "void")"},
      {"GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e",
       R"(devices "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e")"},
      {"0000:0a:00.0", R"(devices "0000:0a:00.0")"},
      {"0:1", R"(devices "0:1")"},
      {"MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1/0",
       R"(devices "MIG-GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e/1/0")"},
      {"cdi/nvidia.com/gpu/0", R"(devices "nvidia.com/gpu=0")"},
      {"cdi/nvidia.com/gpu=0", R"(devices "nvidia.com/gpu=0")"},
      {"cdi/runtime.nvidia.com/gpu/all", R"(devices "runtime.nvidia.com/gpu=all")"},
      {"cdi/amd.com/gpu/0", R"(devices "amd.com/gpu=0")"},
      {"imex/0", R"(imex "0")"},
      {"imex/2047", R"(imex "2047")"},
  };
  for (const auto& row : rows) EXPECT_EQ(found_below({row.name}), row.expected) << row.name;
}

TEST(DeviceMounts, AreDevicesWhereASubdirectoryHasAnotherName) {
  // Only whole components mean CDI or IMEX. These names are refused later, as device names.
  struct {
    std::string name, expected;
  } const rows[] = {
      {"cdi", R"(devices "cdi")"},
      {"imex", R"(devices "imex")"},
      {"CDI/x/y/0", R"(devices "CDI/x/y/0")"},
      {"IMEX/0", R"(devices "IMEX/0")"},
      {"imexx/0", R"(devices "imexx/0")"},
      {"0/imex/1", R"(devices "0/imex/1")"},
  };
  for (const auto& row : rows) EXPECT_EQ(found_below({row.name}), row.expected) << row.name;
}

TEST(DeviceMounts, KeepTheOrderOfTheConfigurationAndAreNamedOnce) {
  EXPECT_EQ(found_below({"2", "0", "1"}), R"(devices "2" "0" "1")");
  EXPECT_EQ(found_below({"1", "0", "1", "0"}), R"(devices "1" "0")");
  EXPECT_EQ(found_below({"imex/3", "0", "imex/1", "imex/3"}), R"(devices "0" imex "3" "1")");
  EXPECT_EQ(found_below({"cdi/nvidia.com/gpu/0", "cdi/nvidia.com/gpu=0"}),
            R"(devices "nvidia.com/gpu=0")");
  EXPECT_EQ(found_below({"0", "imex/0"}), R"(devices "0" imex "0")");
}

TEST(DeviceMounts, AreTheSameInEverySpellingOfTheirPaths) {
  struct {
    std::string name, source, destination;
  } const rows[] = {
      {"normal form", "/dev/null", kFolder + "/0"},
      {"final slash", "/dev/null", kFolder + "/0/"},
      {"final slashes", "/dev/null", kFolder + "/0///"},
      {"two slashes before the name", "/dev/null", kFolder + "//0"},
      {"slashes everywhere", "//dev//null", "//var//run///nvidia-container-devices//0"},
      {"dots in the destination", "/dev/null", "/./var/run/./nvidia-container-devices/./0/."},
      {"dot in the source", "/dev/./null", kFolder + "/0"},
      {"final slash of the source", "/dev/null/", kFolder + "/0"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(found_in({{row.source, row.destination}}), R"(devices "0")") << row.name;
}

TEST(DeviceMounts, AreNamedOnceWhateverTheirSpelling) {
  EXPECT_EQ(found_below({"0", "0/", "/0", "./0", "0//."}), R"(devices "0")");
  EXPECT_EQ(found_below({"imex/1", "imex//1", "imex/./1/"}), R"(imex "1")");
}

TEST(DeviceMounts, AreNotMadeByMountsOfOtherThings) {
  for (const std::string& source :
       {std::string(), std::string("/"), std::string("/dev"), std::string("/dev/zero"),
        std::string("/dev/null0"), std::string("/dev/nul"), std::string("/dev/NULL"),
        std::string("dev/null"), std::string("null"), std::string("/dev/null/x"),
        std::string("/x/dev/null"), std::string("tmpfs"), std::string(" /dev/null"),
        std::string("/dev/null "), std::string("/dev/null\n"), std::string("/dev/null\0", 10),
        std::string("/dev\0/null", 10), std::string("/dev/null\0/x", 12),
        // Which file this is depends on what /dev/x is.
        std::string("/dev/x/../null"), std::string("/dev/../dev/null"),
        "/" + std::string(5000, '/') + "x/dev/null", std::string(100000, 'x')}) {
    EXPECT_EQ(found_in({{source, kFolder + "/0"}}), "nothing") << in_quotes(source);
  }
}

TEST(DeviceMounts, AreNotMadeByMountsInOtherPlaces) {
  for (const std::string& destination :
       {std::string(), std::string("/"), std::string("/0"), kFolder, kFolder + "/", kFolder + "//",
        kFolder + "/.", kFolder + "2/0", kFolder + "-old/0", std::string("/var/run/0"),
        std::string("/run/nvidia-container-devices/0"), "/x" + kFolder + "/0",
        std::string("var/run/nvidia-container-devices/0"),
        std::string("/var/run/NVIDIA-container-devices/0"), " " + kFolder + "/0",
        std::string("/var/run/nvidia-container-devices\n/0"), std::string("0")}) {
    EXPECT_EQ(found_in({{"/dev/null", destination}}), "nothing") << in_quotes(destination);
  }
}

TEST(DeviceMounts, AreNotMadeByDestinationsThatGoUpwards) {
  for (const std::string& destination :
       {kFolder + "/..", kFolder + "/../0", kFolder + "/../nvidia-container-devices/0",
        kFolder + "/1/../0", kFolder + "/0/..", kFolder + "/imex/../0", kFolder + "/imex/0/../1",
        kFolder + "/cdi/../imex/0", kFolder + "/cdi/nvidia.com/gpu/../../../../../etc/passwd",
        "/etc/.." + kFolder + "/0", "/.." + kFolder + "/0"}) {
    EXPECT_EQ(found_in({{"/dev/null", destination}}), "nothing") << in_quotes(destination);
  }
  // Three dots are a name like any other.
  EXPECT_EQ(found_below({"..."}), R"(devices "...")");
}

TEST(DeviceMounts, AreNotMadeByDestinationsWithNul) {
  const std::string nul(1, '\0');
  for (const std::string& destination :
       {kFolder + "/0" + nul, kFolder + "/" + nul + "0", kFolder + nul + "/0", nul + kFolder + "/0",
        kFolder + "/imex/0" + nul, kFolder + "/0" + nul + "/../1"}) {
    EXPECT_EQ(found_in({{"/dev/null", destination}}), "nothing") << in_quotes(destination);
  }
}

TEST(DeviceMounts, HaveDestinationsOf4095BytesAndNoMore) {
  const std::string longest(4095 - kFolder.size() - 1, 'x');
  EXPECT_EQ(device_mounts(std::vector<SpecMount>{{"/dev/null", kFolder + "/" + longest}}),
            (DeviceMounts{.devices = {longest}, .imex_channels = {}}));
  EXPECT_EQ(found_below({longest + "x"}), "nothing");
  EXPECT_EQ(found_below({std::string(std::size_t{1} << 20U, 'x')}), "nothing");
  // Slashes that fold away count for nothing.
  EXPECT_EQ(found_below({std::string(10000, '/') + "0"}), R"(devices "0")");
}

TEST(DeviceMounts, LeaveOtherMountsAlone) {
  EXPECT_EQ(found_in({}), "nothing");
  EXPECT_EQ(found_in({{"proc", "/proc"},
                      {"/dev/null", "/proc/keys"},
                      {"/dev/null", kFolder + "/1"},
                      {"tmpfs", "/dev"},
                      {"/dev/zero", kFolder + "/2"}}),
            R"(devices "1")");
}

TEST(DeviceMounts, NeverTurnAHostileNameIntoADevice) {
  struct {
    std::string name, quoted;
  } const rows[] = {
      {"0\n1", R"("0\x0a1")"},
      {"\x1b[2J", R"("\x1b[2J")"},
      {"$(id)", "\"$(id)\""},
      {"0,1", R"("0,1")"},
      {"0 ", R"("0 ")"},
      {"-1", R"("-1")"},
      {"dev/mem", R"("dev/mem")"},
      {"...", R"("...")"},
      {"\xd9\xa3", R"("\xd9\xa3")"},
      {std::string(4000, 'x'), concat("\"", std::string(200, 'x'), "...\"")},
  };
  for (const auto& row : rows) {
    const ContainerSpec spec{.mounts = {{"/dev/null", kFolder + "/" + row.name}}};
    EXPECT_EQ(decision_text(spec, {.accept_volume_mounts = true}),
              concat("bad-input: reading the device mounts: not a device name: ", row.quoted,
                     "; use all, an index, GPU-<uuid>, a PCI address, <gpu>:<mig> or MIG-<uuid>; "
                     "`gpu-hook info` lists them"));
  }
}

}  // namespace
}  // namespace gpuhook::request
