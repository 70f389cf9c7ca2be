// SPDX-License-Identifier: Apache-2.0
#include "formats/proc_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook::formats {

void PrintTo(const MountInfo& mount, std::ostream* out) {
  *out << mount.id << " " << mount.root << " on " << mount.mount_point << " type " << mount.type;
}

namespace {

using testing::captured;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::IsEmpty;
using testing::value_of;

constexpr std::string_view kDevices =
    "Character devices:\n  1 mem\n195 nvidia\n236 nvidia-uvm\n\nBlock devices:\n  7 loop\n";

TEST(ParseCharacterDevices, StopsAtBlockDevices) {
  EXPECT_THAT(parse_character_devices(kDevices),
              ElementsAre(DeviceMajor{1, "mem"}, DeviceMajor{195, "nvidia"},
                          DeviceMajor{236, "nvidia-uvm"}));
}

TEST(ParseCharacterDevices, SkipsLinesOfAnotherForm) {
  EXPECT_THAT(
      parse_character_devices("195 nvidia\nCharacter devices:\nx y\n1\n-1 a\n5 a b\n6 ok\n"),
      ElementsAre(DeviceMajor{6, "ok"}));
  EXPECT_THAT(parse_character_devices(""), IsEmpty());
}

TEST(ParseCharacterDevices, ReadsACapturedTable) {
  const auto table = parse_character_devices(captured("hosts/h100-x2-driver-580/proc/devices"));
  EXPECT_EQ(table.size(), 34U);
  EXPECT_EQ(major_of(table, {"nvidia"}), 195U);
  EXPECT_EQ(major_of(table, {"nvidia-uvm"}), 238U);
  EXPECT_EQ(major_of(table, {"nvidia-caps"}), 241U);
  EXPECT_EQ(major_of(table, {"loop"}), std::nullopt);
}

TEST(MajorOf, PrefersEarlierNames) {
  const std::vector<DeviceMajor> table{{195, "nvidia-frontend"}, {196, "nvidia"}};
  EXPECT_EQ(major_of(table, {"nvidia", "nvidia-frontend"}), 196U);
  EXPECT_EQ(major_of(table, {"nvidiactl", "nvidia-frontend"}), 195U);
  EXPECT_EQ(major_of(table, {"nvidiactl"}), std::nullopt);
}

TEST(ParseMountinfo, ReadsEveryField) {
  EXPECT_THAT(
      value_of(parse_mountinfo("36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 - ext3 /dev/root "
                               "rw,errors=continue\n")),
      ElementsAre(MountInfo{.id = 36,
                            .file_system = {98, 0},
                            .root = "/mnt1",
                            .mount_point = "/mnt2",
                            .shared = true,
                            .type = "ext3",
                            .super_options = "rw,errors=continue"}));
}

TEST(ParseMountinfo, TellsPeersFromOtherPropagation) {
  struct {
    std::string_view fields;
    bool shared;
  } const rows[] = {
      {"", false},
      {"master:1 ", false},
      {"propagate_from:2 master:1 ", false},
      {"unbindable ", false},
      {"master:1 shared:2 ", true},
      {"unknown shared:2 other ", true},
  };
  for (const auto& row : rows) {
    const std::string line = concat("1 0 0:1 / / rw ", row.fields, "- tmpfs tmpfs rw\n");
    EXPECT_EQ(value_of(parse_mountinfo(line)).at(0).shared, row.shared) << row.fields;
  }
}

TEST(ParseMountinfo, ResolvesEscapesInPaths) {
  const auto mounts =
      value_of(parse_mountinfo("1 0 0:1 /a\\040b /c\\011d\\012e\\134f\\043 rw - tmpfs tmpfs rw\n2 "
                               "0 0:1 / /\\04 rw - t t rw\n"));
  EXPECT_EQ(mounts.at(0).root, "/a b");
  EXPECT_EQ(mounts.at(0).mount_point, "/c\td\ne\\f#");
  EXPECT_EQ(mounts.at(1).mount_point, "/\\04");
}

TEST(ParseMountinfo, IsNotDeceivedByDashesInNames) {
  const auto mounts =
      value_of(parse_mountinfo("1 0 0:1 / /-/a-b rw shared:1 - fuse.- - rw,devices\n"));
  EXPECT_EQ(mounts.at(0).mount_point, "/-/a-b");
  EXPECT_EQ(mounts.at(0).type, "fuse.-");
  EXPECT_EQ(mounts.at(0).super_options, "rw,devices");
}

TEST(ParseMountinfo, KeepsTheOptionsOfAMountWithoutSource) {
  const auto mounts = value_of(parse_mountinfo("1 0 0:1 / /g rw - cgroup  rw,devices\n"));
  EXPECT_EQ(mounts.at(0).super_options, "rw,devices");
}

TEST(ParseMountinfo, NamesTheLineItCannotRead) {
  const std::string good = "1 0 0:1 / / rw - tmpfs tmpfs rw\n";
  EXPECT_EQ(error_of(parse_mountinfo(good + "2 0 0:1 / / rw\n")),
            "line 2 of mountinfo: \"2 0 0:1 / / rw\"");
  for (const std::string_view line :
       {"x 0 0:1 / / rw - tmpfs tmpfs rw", "1 0 01 / / rw - tmpfs tmpfs rw",
        "1 0 0:x / / rw - tmpfs tmpfs rw", "1 0 :1 / / rw - tmpfs tmpfs rw",
        "1 0 0:1 / - tmpfs tmpfs rw", "1 0 0:1 / / rw -", "1 0 0:1 / / rw - tmpfs", "-"}) {
    EXPECT_EQ(error_of(parse_mountinfo(line)), concat("line 1 of mountinfo: ", in_quotes(line)));
  }
}

TEST(ParseMountinfo, ReadsAnEmptyTable) { EXPECT_THAT(value_of(parse_mountinfo("")), IsEmpty()); }

TEST(ParseMountinfo, NeverCrashesOnACutOffTable) {
  const std::string text = "36 35 98:0 /mnt1 /m\\040t rw,noatime shared:1 - ext3 /dev/root rw\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto part = parse_mountinfo(text.substr(0, size));
    if (part && !part->empty()) {
      EXPECT_EQ(part->at(0).mount_point, "/m t") << size;
    }
  }
}

TEST(ParseCgroup, ReadsBothVersions) {
  EXPECT_THAT(value_of(parse_cgroup(
                  "12:cpu,cpuacct:/docker/c1\n3:devices:/a:b\n1:name=systemd:/\n0::/x\n")),
              ElementsAre(CgroupLine{12, {"cpu", "cpuacct"}, "/docker/c1"},
                          CgroupLine{3, {"devices"}, "/a:b"}, CgroupLine{1, {"name=systemd"}, "/"},
                          CgroupLine{0, {}, "/x"}));
}

TEST(ParseCgroup, NamesTheLineItCannotRead) {
  EXPECT_EQ(error_of(parse_cgroup("0::/\nx\n")), "line 2 of cgroup: \"x\"");
  EXPECT_EQ(error_of(parse_cgroup("0:/\n")), "line 1 of cgroup: \"0:/\"");
  EXPECT_EQ(error_of(parse_cgroup("::/\n")), "line 1 of cgroup: \"::/\"");
  EXPECT_EQ(error_of(parse_cgroup("\n")), "line 1 of cgroup: \"\"");
}

TEST(MappedRoot, IsTheOutsideIdOfTheLineThatCoversZero) {
  struct {
    std::string_view name, text;
    std::optional<std::uint32_t> expected;
  } const rows[] = {
      {"identity", "         0          0 4294967295\n", 0},
      {"user namespace", "0 100000 65536\n", 100000},
      {"keep-id", "1 100000 999\n0 1000 1\n", 1000},
      {"root not mapped", "1000 1000 1\n", std::nullopt},
      {"empty map", "", std::nullopt},
      {"empty range", "0 1000 0\n", std::nullopt},
      {"malformed", "0 x 1\n", std::nullopt},
      {"cut off", "0 1000\n", std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(mapped_root(row.text), row.expected) << row.name;
}

}  // namespace
}  // namespace gpuhook::formats
