// SPDX-License-Identifier: Apache-2.0
#include "gpuhook/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using testing::value_of;

TEST(AbsolutePath, FoldsEquivalentSpellings) {
  struct {
    std::string_view text, expected;
  } const rows[] = {
      {"/", "/"},         {"//", "/"},           {"/.", "/"},          {"/a", "/a"},
      {"/a/", "/a"},      {"//a///b//", "/a/b"}, {"/a/./b/.", "/a/b"}, {"/...", "/..."},
      {"/a..b", "/a..b"}, {"/..a", "/..a"},      {"/a b\n", "/a b\n"}, {"/\xff", "/\xff"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(value_of(HostPath::parse(row.text)).text(), row.expected) << in_quotes(row.text);
}

TEST(AbsolutePath, RefusesWhatIsNotOnePlace) {
  struct {
    std::string_view name, text;
  } const rows[] = {
      {"empty", ""},
      {"relative", "a/b"},
      {"relative with dot", "./a"},
      {"parent at the end", "/a/.."},
      {"parent in the middle", "/a/../b"},
      {"parent of the root", "/.."},
      {"NUL", std::string_view("/a\0b", 4)},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_of(ContainerPath::parse(row.text)),
              "not a usable absolute path: " + in_quotes(row.text))
        << row.name;
  }
}

TEST(AbsolutePath, HoldsAtMost4095Bytes) {
  const std::string longest = "/" + std::string(4094, 'a');
  EXPECT_EQ(value_of(HostPath::parse(longest)).text(), longest);
  EXPECT_EQ(value_of(HostPath::parse(longest + "//")).text(), longest);
  EXPECT_FALSE(HostPath::parse(longest + "a"));
}

TEST(AbsolutePath, IsTheRootByDefault) { EXPECT_EQ(HostPath().text(), "/"); }

TEST(AbsolutePath, KnowsItsParts) {
  const HostPath path = HostPath::literal("/usr/lib64");
  EXPECT_EQ(path.name(), "lib64");
  EXPECT_EQ(path.parent(), HostPath::literal("/usr"));
  EXPECT_EQ(path.relative(), "usr/lib64");
  EXPECT_EQ((path / "a/b").text(), "/usr/lib64/a/b");
}

TEST(AbsolutePath, HasARootThatIsItsOwnParent) {
  EXPECT_EQ(HostPath().name(), "");
  EXPECT_EQ(HostPath().relative(), "");
  EXPECT_EQ(HostPath().parent(), HostPath());
  EXPECT_EQ(HostPath::literal("/a").parent(), HostPath());
  EXPECT_EQ((HostPath() / "a").text(), "/a");
}

TEST(AbsolutePath, OfTheHostIsNoPathOfTheContainer) {
  EXPECT_FALSE((std::is_convertible_v<HostPath, ContainerPath>));
  EXPECT_FALSE((std::is_constructible_v<ContainerPath, HostPath>));
  EXPECT_FALSE((std::is_constructible_v<HostPath, std::string>));
}

TEST(DriverVersion, TakesTwoToFourNumbers) {
  EXPECT_THAT(value_of(DriverVersion::parse("580.159.04")).components(), ElementsAre(580, 159, 4));
  EXPECT_THAT(value_of(DriverVersion::parse("418.39")).components(), ElementsAre(418, 39));
  EXPECT_THAT(value_of(DriverVersion::parse("1.2.3.4")).components(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(value_of(DriverVersion::parse("580.159.04")).text(), "580.159.04");
  EXPECT_EQ(value_of(DriverVersion::parse("580.159.04")).major(), 580U);
  EXPECT_EQ(DriverVersion().major(), 0U);
}

TEST(DriverVersion, TakesNumbersOfNineDigitsAtMost) {
  EXPECT_TRUE(DriverVersion::parse("999999999.000000001"));
  EXPECT_FALSE(DriverVersion::parse("1.1000000000"));
  EXPECT_FALSE(DriverVersion::parse("1.0000000001"));
}

TEST(DriverVersion, RefusesOtherText) {
  for (const std::string_view text : {"", "580", "580.", ".1", "1..2", "1.2.3.4.5", "1.2-rc1",
                                      "1.2 ", " 1.2", "v1.2", "-1.2", "../1.2", "1.2\n"}) {
    EXPECT_EQ(error_of(DriverVersion::parse(text)), "not a driver version: " + in_quotes(text));
  }
}

TEST(DriverVersion, EqualsOnlyTheSameText) {
  EXPECT_NE(value_of(DriverVersion::parse("580.159.04")),
            value_of(DriverVersion::parse("580.159.4")));
}

TEST(PciAddress, ReadsTheSpellingsOfTheKernelAndOfTheDriversLibrary) {
  const PciAddress expected{.domain = 0, .bus = 0x0a, .device = 0x1f, .function = 7};
  EXPECT_EQ(value_of(PciAddress::parse("0000:0a:1f.7")), expected);
  EXPECT_EQ(value_of(PciAddress::parse("00000000:0A:1F.7")), expected);
  EXPECT_EQ(value_of(PciAddress::parse("00010000:0a:00.0")),
            (PciAddress{.domain = 0x10000, .bus = 0x0a}));
  EXPECT_EQ(value_of(PciAddress::parse("ffffffff:ff:00.0")),
            (PciAddress{.domain = 0xffffffff, .bus = 0xff}));
}

TEST(PciAddress, RefusesOtherText) {
  for (const std::string_view text :
       {"", "0000:0a:00", "0a:00.0", "000:0a:00.0", "000000000:0a:00.0", "0000:a:00.0",
        "0000:0a:0.0", "0000:0a:00.8", "0000:0a:20.0", "0000:0a:00.00", "0000:0g:00.0",
        "0000:0a:00:0", "0000.0a.00.0", "0000:0a:00.0 ", "0000:0a:0x.0", "-000:0a:00.0",
        "0000:0a:00.0:", "../0:0a:00.0"}) {
    EXPECT_EQ(error_of(PciAddress::parse(text)), "not a PCI address: " + in_quotes(text));
  }
}

TEST(PciAddress, IsPrintedInBothSpellings) {
  const PciAddress address{.domain = 0xc, .bus = 0xab, .device = 0x1f, .function = 1};
  EXPECT_EQ(address.text(), "000c:ab:1f.1");
  EXPECT_EQ(address.long_text(), "0000000C:AB:1F.1");
  EXPECT_EQ((PciAddress{.domain = 0x10000}).text(), "10000:00:00.0");
}

TEST(PciAddress, OrdersAsTheBusDoes) {
  const PciAddress low{.domain = 0, .bus = 0xff};
  const PciAddress high{.domain = 1, .bus = 0};
  EXPECT_LT(low, high);
}

TEST(Capability, IsNamedAsInTheContract) {
  struct {
    std::string_view name;
    Capability capability;
  } const rows[] = {
      {"compute", Capability::kCompute}, {"compat32", Capability::kCompat32},
      {"display", Capability::kDisplay}, {"graphics", Capability::kGraphics},
      {"ngx", Capability::kNgx},         {"utility", Capability::kUtility},
      {"video", Capability::kVideo},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(name_of(row.capability), row.name);
    EXPECT_EQ(value_of(parse_capability(row.name)), row.capability);
  }
}

TEST(Capability, RefusesOtherNames) {
  for (const std::string_view name : {"", "all", "none", "Compute", "compute ", "gpu"}) {
    EXPECT_EQ(error_of(parse_capability(name)),
              "unknown driver capability " + in_quotes(name) +
                  "; use all or some of compute, compat32, display, graphics, ngx, utility, video");
  }
}

TEST(CapabilitySet, PrintsItsMembersInTheOrderOfTheContract) {
  EXPECT_EQ((CapabilitySet{Capability::kUtility, Capability::kCompute}).text(), "compute,utility");
  EXPECT_EQ(CapabilitySet().text(), "");
  EXPECT_EQ(CapabilitySet::all().text(), "compute,compat32,display,graphics,ngx,utility,video");
}

TEST(CapabilitySet, HasEveryMemberOnce) {
  CapabilitySet set{Capability::kVideo, Capability::kVideo};
  EXPECT_EQ(set, CapabilitySet{Capability::kVideo});
  set.insert({Capability::kNgx, Capability::kVideo});
  EXPECT_EQ(set, (CapabilitySet{Capability::kNgx, Capability::kVideo}));
  EXPECT_TRUE(set.contains(Capability::kNgx));
  EXPECT_FALSE(set.contains(Capability::kCompute));
}

TEST(CapabilitySet, IntersectsOnASharedMember) {
  const CapabilitySet set{Capability::kNgx, Capability::kVideo};
  EXPECT_TRUE(set.intersects({Capability::kVideo, Capability::kCompute}));
  EXPECT_FALSE(set.intersects({Capability::kCompute}));
  EXPECT_FALSE(CapabilitySet::all().intersects({}));
  EXPECT_TRUE(CapabilitySet().empty());
  EXPECT_FALSE(set.empty());
}

}  // namespace
}  // namespace gpuhook
