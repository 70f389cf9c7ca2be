// SPDX-License-Identifier: Apache-2.0
#include "formats/device_bpf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>

#include "support/bpf_machine.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using testing::allows;
using testing::captured_program;
using testing::DeviceAccess;
using testing::error_of;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::value_of;
using Program = std::vector<BpfInstruction>;

constexpr std::array kPrograms{"crun-1.28.txt", "runc-1.1.5.txt", "runc-1.3.6.txt"};
constexpr std::array kGpuNodes{DeviceNumber{195, 0}, DeviceNumber{195, 255}, DeviceNumber{238, 0},
                               DeviceNumber{4294967295, 4294967295}};
constexpr std::uint32_t kBlock = 1;
constexpr std::uint32_t kCharacter = 2;
constexpr std::uint32_t kMknod = 1;
constexpr std::uint32_t kRead = 2;
constexpr std::uint32_t kWrite = 4;

const Program kDenyAll{{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};

DeviceAccess asks(std::uint32_t type, std::uint32_t access, std::uint32_t major,
                  std::uint32_t minor) {
  return {.type = type, .access = access, .number = {major, minor}};
}

TEST(CapturedPrograms, DecideAsTheirRulesSay) {
  for (const char* const name : kPrograms) {
    const Program program = captured_program(name);
    EXPECT_TRUE(allows(program, asks(kCharacter, kRead | kWrite, 1, 3))) << name;
    EXPECT_TRUE(allows(program, asks(kCharacter, kRead | kWrite, 10, 229))) << name;
    EXPECT_TRUE(allows(program, asks(kCharacter, kMknod, 195, 0))) << name;
    EXPECT_FALSE(allows(program, asks(kCharacter, kRead, 195, 0))) << name;
    EXPECT_FALSE(allows(program, asks(kBlock, kRead, 8, 0))) << name;
  }
}

TEST(AllowPrefix, IsTheDrawing) {
  // code, registers, offset, immediate
  EXPECT_EQ(allow_prefix(std::array{DeviceNumber{195, 3}}), (Program{{0x61, 0x12, 0, 0},
                                                                     {0x61, 0x13, 4, 0},
                                                                     {0x61, 0x14, 8, 0},
                                                                     {0xbf, 0x25, 0, 0},
                                                                     {0x57, 0x05, 0, 0xffff},
                                                                     {0x56, 0x05, 7, 2},
                                                                     {0x77, 0x02, 0, 16},
                                                                     {0x57, 0x02, 0, 1},
                                                                     {0x56, 0x02, 4, 0},
                                                                     {0x56, 0x03, 3, 195},
                                                                     {0x56, 0x04, 2, 3},
                                                                     {0xb7, 0x00, 0, 1},
                                                                     {0x95, 0x00, 0, 0}}));
}

TEST(AllowPrefix, IsEmptyWithoutDevices) { EXPECT_THAT(allow_prefix({}), IsEmpty()); }

TEST(WithAllowed, GrantsReadingAndWritingOfTheDevicesOnly) {
  struct {
    std::string_view name;
    DeviceAccess access;
    bool allowed;
  } const rows[] = {
      {"read", asks(kCharacter, kRead, 195, 0), true},
      {"write", asks(kCharacter, kWrite, 195, 0), true},
      {"read and write", asks(kCharacter, kRead | kWrite, 195, 255), true},
      {"no access at all", asks(kCharacter, 0, 238, 0), true},
      {"largest numbers", asks(kCharacter, kRead, 4294967295, 4294967295), true},
      {"mknod", asks(kCharacter, kMknod, 195, 0), false},
      {"mknod with read", asks(kCharacter, kMknod | kRead, 195, 0), false},
      {"block device of these numbers", asks(kBlock, kRead, 195, 0), false},
      {"other minor", asks(kCharacter, kRead, 195, 1), false},
      {"other major", asks(kCharacter, kRead, 196, 0), false},
      {"major and minor of two rules", asks(kCharacter, kRead, 238, 255), false},
      {"exchanged numbers", asks(kCharacter, kRead, 0, 195), false},
  };
  const Program program = value_of(with_allowed(kDenyAll, kGpuNodes));
  for (const auto& row : rows) EXPECT_EQ(allows(program, row.access), row.allowed) << row.name;
}

TEST(WithAllowed, LeavesEveryOtherDecisionToTheOldProgram) {
  constexpr std::array<std::uint32_t, 9> kMajors{0, 1, 5, 10, 136, 195, 196, 238, 4294967295};
  constexpr std::array<std::uint32_t, 9> kMinors{0, 1, 2, 3, 9, 200, 229, 255, 4294967295};
  for (const char* const name : kPrograms) {
    const Program old = captured_program(name);
    const Program program = value_of(with_allowed(old, kGpuNodes));
    std::size_t granted = 0;
    for (const std::uint32_t type : {0U, kBlock, kCharacter, 3U}) {
      for (std::uint32_t access = 0; access < 8; ++access) {
        for (const std::uint32_t major : kMajors) {
          for (const std::uint32_t minor : kMinors) {
            const DeviceAccess asked = asks(type, access, major, minor);
            const bool ours =
                type == kCharacter && (access & kMknod) == 0 &&
                std::find(kGpuNodes.begin(), kGpuNodes.end(), asked.number) != kGpuNodes.end();
            granted += ours ? 1 : 0;
            ASSERT_EQ(allows(program, asked), ours || allows(old, asked))
                << name << " " << type << " " << access << " " << major << ":" << minor;
          }
        }
      }
    }
    EXPECT_EQ(granted, 16U);
  }
}

TEST(WithAllowed, LetsTheOldProgramDecideAboutMknodOfTheDevices) {
  for (const char* const name : kPrograms) {
    const Program program = value_of(with_allowed(captured_program(name), kGpuNodes));
    EXPECT_TRUE(allows(program, asks(kCharacter, kMknod, 195, 0))) << name;
    EXPECT_FALSE(allows(program, asks(kCharacter, kMknod | kWrite, 195, 0))) << name;
  }
  EXPECT_FALSE(
      allows(value_of(with_allowed(kDenyAll, kGpuNodes)), asks(kCharacter, kMknod, 195, 0)));
}

TEST(WithAllowed, KeepsTheOldProgramBehindThePrefix) {
  const Program old = captured_program("runc-1.1.5.txt");
  const Program program = value_of(with_allowed(old, kGpuNodes));
  ASSERT_THAT(program, SizeIs(9 + 4 * 4 + old.size()));
  EXPECT_TRUE(
      std::equal(old.begin(), old.end(), program.end() - static_cast<std::ptrdiff_t>(old.size())));
}

TEST(WithAllowed, ChangesNothingTheSecondTime) {
  const Program once = value_of(with_allowed(captured_program("crun-1.28.txt"), kGpuNodes));
  EXPECT_EQ(value_of(with_allowed(once, kGpuNodes)), once);
}

TEST(WithAllowed, AddsASecondPrefixForOtherDevices) {
  const Program once = value_of(with_allowed(kDenyAll, std::array{DeviceNumber{195, 0}}));
  const Program twice = value_of(with_allowed(once, std::array{DeviceNumber{195, 1}}));
  EXPECT_TRUE(allows(twice, asks(kCharacter, kRead, 195, 0)));
  EXPECT_TRUE(allows(twice, asks(kCharacter, kRead, 195, 1)));
  EXPECT_FALSE(allows(twice, asks(kCharacter, kRead, 195, 2)));
}

TEST(WithAllowed, ChangesNothingWithoutDevices) {
  EXPECT_EQ(value_of(with_allowed(kDenyAll, {})), kDenyAll);
}

TEST(WithAllowed, RefusesProgramsWhoseTextIsNotAll) {
  const BpfInstruction exit{.code = BPF_JMP | BPF_EXIT};
  struct {
    std::string_view name;
    Program program;
  } const rows[] = {
      {"helper call", {{.code = BPF_JMP | BPF_CALL, .immediate = 1}, exit}},
      {"call of a function", {{.code = BPF_JMP | BPF_CALL, .registers = 0x10}, exit}},
      {"map address", {{.code = BPF_LD | BPF_IMM | BPF_DW, .registers = 0x11}, {}, exit}},
      {"64-bit constant", {{.code = BPF_LD | BPF_IMM | BPF_DW, .registers = 0x01}, {}, exit}},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(
        error_of(with_allowed(row.program, kGpuNodes)),
        "the device program attached to the container's cgroup calls helpers or uses maps; put "
        "the devices into the container's OCI spec instead, or use --no-cgroups")
        << row.name;
  }
}

TEST(WithAllowed, Fills4096InstructionsAndNoMore) {
  Program old(4096 - 13, kDenyAll[0]);
  old.back() = kDenyAll[1];
  const std::array one{DeviceNumber{195, 0}};
  const Program full = value_of(with_allowed(old, one));
  EXPECT_THAT(full, SizeIs(4096));
  EXPECT_EQ(value_of(with_allowed(full, one)), full);
  old.insert(old.begin(), kDenyAll[0]);
  EXPECT_EQ(error_of(with_allowed(old, one)),
            "the container's device program would grow beyond 4096 instructions");
}

TEST(WithAllowed, AllowsEveryMigDeviceOf64GpusAndNothingBetween) {
  std::vector<DeviceNumber> nodes;
  for (std::uint32_t gpu = 0; gpu < 64; ++gpu) {
    for (std::uint32_t i = 0; i < 135; ++i) nodes.push_back({511, 3 + gpu * 136 + i});
  }
  const Program program = value_of(with_allowed(kDenyAll, nodes));
  EXPECT_LT(program.size(), 400U);
  for (const std::uint32_t gpu : {0U, 1U, 63U}) {
    EXPECT_FALSE(allows(program, asks(kCharacter, kRead, 511, 3 + gpu * 136 - 1)));
    EXPECT_TRUE(allows(program, asks(kCharacter, kRead, 511, 3 + gpu * 136)));
    EXPECT_TRUE(allows(program, asks(kCharacter, kRead | kWrite, 511, 3 + gpu * 136 + 134)));
    EXPECT_FALSE(allows(program, asks(kCharacter, kRead, 511, 3 + gpu * 136 + 135)));
    EXPECT_FALSE(allows(program, asks(kCharacter, kRead, 510, 3 + gpu * 136)));
  }
}

TEST(WithAllowed, TakesTheHighestMinorForNoBeginningOfARow) {
  const std::array nodes{DeviceNumber{195, 4294967295}, DeviceNumber{195, 0}};
  const Program program = value_of(with_allowed(kDenyAll, nodes));
  EXPECT_TRUE(allows(program, asks(kCharacter, kRead, 195, 0)));
  EXPECT_TRUE(allows(program, asks(kCharacter, kRead, 195, 4294967295)));
  EXPECT_FALSE(allows(program, asks(kCharacter, kRead, 195, 1)));
}

TEST(WithAllowed, ReachesTheOldProgramPastAnyNumberOfDevices) {
  std::vector<DeviceNumber> many;
  for (std::uint32_t i = 0; i < 1000; ++i) many.push_back({195, i});
  const Program program = value_of(with_allowed(kDenyAll, many));
  EXPECT_TRUE(allows(program, asks(kCharacter, kRead, 195, 999)));
  EXPECT_FALSE(allows(program, asks(kCharacter, kRead, 195, 1000)));
  EXPECT_FALSE(allows(program, asks(kBlock, kRead, 195, 0)));
}

}  // namespace
}  // namespace gpuhook::formats
