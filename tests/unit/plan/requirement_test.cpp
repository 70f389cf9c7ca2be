// SPDX-License-Identifier: Apache-2.0
#include "plan/requirement.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "support/results.h"

namespace gpuhook::plan {
namespace {

using testing::error_kind;
using testing::error_of;

const KnownFacts kFacts{.cuda = "12.4", .driver = "550.54.15", .arch = "9.0", .brand = "Tesla"};

std::string verdict(std::string_view expression, const KnownFacts& facts = kFacts) {
  const Status status = check_requirement(expression, facts);
  if (status) return "holds";
  return status.error().kind == ErrorKind::kUnmetRequirement ? "unmet" : "invalid";
}

TEST(CheckRequirement, ComparesVersionsNumberByNumber) {
  struct {
    std::string_view expression, expected;
  } const rows[] = {
      {"cuda=12.4", "holds"},        {"cuda=12.3", "unmet"},     {"cuda!=12.3", "holds"},
      {"cuda!=12.4", "unmet"},       {"cuda<12.5", "holds"},     {"cuda<12.4", "unmet"},
      {"cuda<=12.4", "holds"},       {"cuda<=12.3", "unmet"},    {"cuda>12.3", "holds"},
      {"cuda>12.4", "unmet"},        {"cuda>=12.4", "holds"},    {"cuda>=12.5", "unmet"},
      {"cuda>=9.2", "holds"},        {"cuda>=12.10", "unmet"},   {"cuda>=12", "holds"},
      {"cuda=12.4.0", "holds"},      {"cuda=12.4.0.0", "holds"}, {"cuda=12.04", "holds"},
      {"cuda>12", "holds"},          {"cuda<12.4.1", "holds"},   {"cuda<=12", "unmet"},
      {"driver>=470", "holds"},      {"driver<551", "holds"},    {"driver=550.54.15", "holds"},
      {"driver=550.54", "unmet"},    {"driver>550.54", "holds"}, {"driver<550.54.15", "unmet"},
      {"arch>=8.0", "holds"},        {"arch=9", "holds"},        {"arch<9", "unmet"},
      {"cuda>=4294967295", "unmet"}, {"cuda>=0", "holds"},
  };
  for (const auto& row : rows) EXPECT_EQ(verdict(row.expression), row.expected) << row.expression;
}

TEST(CheckRequirement, ComparesBrandsWithoutCase) {
  struct {
    std::string_view expression, expected;
  } const rows[] = {
      {"brand=tesla", "holds"},    {"brand=TESLA", "holds"},   {"brand=geforce", "unmet"},
      {"brand!=geforce", "holds"}, {"brand!=tesla", "unmet"},  {"brand=tes", "unmet"},
      {"brand>=tesla", "invalid"}, {"brand<tesla", "invalid"}, {"brand==tesla", "invalid"},
  };
  for (const auto& row : rows) EXPECT_EQ(verdict(row.expression), row.expected) << row.expression;
}

TEST(CheckRequirement, NeedsEveryTermOfAGroup) {
  EXPECT_EQ(verdict("cuda>=12,driver>=550"), "holds");
  EXPECT_EQ(verdict("cuda>=13,driver>=550"), "unmet");
  EXPECT_EQ(verdict("cuda>=12,driver>=560"), "unmet");
}

TEST(CheckRequirement, NeedsOneOfTheGroups) {
  EXPECT_EQ(verdict("cuda>=13 driver>=550"), "holds");
  EXPECT_EQ(verdict("cuda>=12 driver>=560"), "holds");
  EXPECT_EQ(verdict("cuda>=13 driver>=560"), "unmet");
  EXPECT_EQ(
      verdict("cuda>=13 brand=tesla,driver>=470,driver<471 brand=tesla,driver>=550,driver<551"),
      "holds");
}

TEST(CheckRequirement, StopsAtTheFirstGroupThatHolds) {
  EXPECT_EQ(verdict("cuda>=12 nonsense"), "holds");
  EXPECT_EQ(verdict("nonsense cuda>=12"), "invalid");
  EXPECT_EQ(verdict("cuda>=13 nonsense"), "invalid");
}

TEST(CheckRequirement, SkipsEmptyPieces) {
  for (const std::string_view expression :
       {"", " ", "  cuda>=12  ", ",cuda>=12,,", "\tcuda>=12", ","})
    EXPECT_EQ(verdict(expression), "holds") << expression;
  EXPECT_EQ(verdict("  cuda>=13  "), "unmet");
}

TEST(CheckRequirement, ReadsPropertiesInAnyCase) {
  EXPECT_EQ(verdict("CUDA>=12,Driver>=550,ARCH>=9"), "holds");
  EXPECT_EQ(verdict("CUDA>=13"), "unmet");
}

TEST(CheckRequirement, TakesTermsAboutUnknownFactsForTrue) {
  const KnownFacts nothing{};
  for (const std::string_view expression :
       {"cuda>=99", "driver<1", "arch=1", "brand=x", "brand!=x", "cuda>=99,driver<1"}) {
    EXPECT_EQ(verdict(expression, nothing), "holds") << expression;
  }
  EXPECT_EQ(verdict("cuda>=99,driver>=1", {.driver = "550.54.15"}), "holds");
  EXPECT_EQ(verdict("cuda>=99,driver<1", {.driver = "550.54.15"}), "unmet");
}

TEST(CheckRequirement, RefusesInvalidTermsAlsoAboutUnknownFacts) {
  for (const std::string_view expression :
       {"cuda",       "cuda>=",    ">=12",        "=",        "cuda 12",          "cuda==12",
        "cuda=>12",   "cuda=<12",  "cuda<>12",    "cuda>>12", "cuda!<12",         "cuda>=x",
        "cuda>=12.x", "cuda>=12.", "cuda>=.4",    "cuda>=-1", "cuda>=4294967296", "gpu>=1",
        "memory>=1",  "cuda >=12", "cuda>=12=13", "brand=",   "cuda>=%n",         "cuda>=12\n"}) {
    EXPECT_EQ(verdict(expression), "invalid") << expression;
    EXPECT_EQ(verdict(expression, {}), "invalid") << expression;
  }
}

TEST(CheckRequirement, TellsHowToMendAnInvalidTerm) {
  EXPECT_EQ(error_of(check_requirement("cuda>=12,gpu>=1", kFacts)),
            "invalid expression \"gpu>=1\"; mend the image's NVIDIA_REQUIRE_* variable, or set "
            "NVIDIA_DISABLE_REQUIRE=true");
}

TEST(CheckRequirement, ShowsWhatWasNeededAndWhatWasFound) {
  EXPECT_EQ(
      error_of(check_requirement("cuda>=13 brand=nvidia", kFacts)),
      "unsatisfied condition: needed \"cuda>=13 brand=nvidia\", found cuda 12.4 driver 550.54.15 "
      "arch 9.0 brand Tesla; update the driver, use an older image, or set "
      "NVIDIA_DISABLE_REQUIRE=true to start all the same");
}

TEST(CheckRequirement, ShowsKnownFactsOnly) {
  EXPECT_EQ(error_of(check_requirement("cuda>=13", {.cuda = "12.4"})),
            "unsatisfied condition: needed \"cuda>=13\", found cuda 12.4; update the driver, use "
            "an older "
            "image, or set NVIDIA_DISABLE_REQUIRE=true to start all the same");
}

TEST(CheckRequirement, Takes16384BytesAndNoMore) {
  EXPECT_EQ(verdict("cuda>=12" + std::string(16376, ',')), "holds");
  EXPECT_EQ(verdict("cuda>=12" + std::string(16377, ',')), "invalid");
  EXPECT_EQ(error_kind(check_requirement(std::string(16385, ' '), kFacts)), "bad-input");
}

TEST(CheckRequirement, HoldsForTheExpressionOfRealImages) {
  const std::string_view expression =
      "cuda>=12.4 brand=tesla,driver>=470,driver<471 brand=unknown,driver>=470,driver<471 "
      "brand=nvidia,driver>=470,driver<471 brand=tesla,driver>=535,driver<536";
  EXPECT_EQ(verdict(expression), "holds");
  const KnownFacts older{.cuda = "12.2", .driver = "535.104.05", .brand = "Tesla"};
  EXPECT_EQ(verdict(expression, older), "holds");
  const KnownFacts wrong{.cuda = "12.3", .driver = "545.23.08", .brand = "Tesla"};
  EXPECT_EQ(verdict(expression, wrong), "unmet");
}

struct UnknownRow {
  std::string_view expression;
  bool hangs;
};

// CUDA 12.4, driver 550.54.15; brand and architecture unknown.
TEST(HangsOnUnknown, IsTrueWhereBrandOrArchitectureDecides) {
  const KnownFacts facts{.cuda = "12.4", .driver = "550.54.15", .arch = {}, .brand = {}};
  const UnknownRow rows[] = {
      {"cuda>=12.2", false},
      {"cuda>=12.5", false},
      {"brand=tesla", true},
      {"arch>=8.0", true},
      {"arch>=8.0,cuda>=12.5", false},
      {"arch>=8.0,cuda>=12.2", true},
      // The first group decides, as in images of CUDA 12.2.
      {"cuda>=12.2 brand=tesla,driver>=470,driver<471", false},
      {"cuda>=12.5 brand=tesla,driver>=470,driver<471", false},
      {"cuda>=12.5 brand=tesla,driver>=550,driver<551", true},
      {"brand=tesla cuda>=12.2", false},
      {"", false},
      {"nonsense", false},
      {"brand=tesla nonsense", false},
  };
  for (const UnknownRow& row : rows)
    EXPECT_EQ(hangs_on_unknown(row.expression, facts), row.hangs) << row.expression;
}

TEST(HangsOnUnknown, IsFalseWhereAllIsKnown) {
  const KnownFacts facts{.cuda = "12.4", .driver = "550.54.15", .arch = "9.0", .brand = "Tesla"};
  for (const std::string_view expression : {"brand=tesla", "arch>=8.0", "brand=x arch<2"})
    EXPECT_FALSE(hangs_on_unknown(expression, facts)) << expression;
}

}  // namespace
}  // namespace gpuhook::plan
