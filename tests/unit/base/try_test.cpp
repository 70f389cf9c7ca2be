// SPDX-License-Identifier: Apache-2.0
#include "base/try.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace gpuhook {
namespace {

using ::testing::ElementsAre;

Result<int> number_or_error(bool good) {
  if (good) return 7;
  return fail(ErrorKind::kNotFound, "no number", "look elsewhere");
}

TEST(Fail, FillsKindTextAndRemedy) {
  EXPECT_EQ(number_or_error(false).error(),
            (Error{.kind = ErrorKind::kNotFound, .what = "no number", .remedy = "look elsewhere"}));
}

TEST(Try, YieldsTheValue) {
  const auto doubled = [](bool good) -> Result<int> { return 2 * TRY(number_or_error(good)); };
  EXPECT_EQ(doubled(true).value(), 14);
}

TEST(Try, ReturnsTheErrorUnchangedWhateverTheFunctionYields) {
  const auto text = [](bool good) -> Result<std::string> {
    return std::to_string(TRY(number_or_error(good)));
  };
  EXPECT_EQ(text(false).error(), number_or_error(false).error());
}

TEST(Try, StopsAtAFailedStatus) {
  bool reached = false;
  const auto work = [&](Status status) -> Status {
    TRY(std::move(status));
    reached = true;
    return {};
  };
  EXPECT_FALSE(work(fail(ErrorKind::kSystem, "no")));
  EXPECT_FALSE(reached);
  EXPECT_TRUE(work({}));
  EXPECT_TRUE(reached);
}

TEST(Try, MovesValuesThatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  const auto use = [&]() -> Result<int> {
    const std::unique_ptr<int> value = TRY(make());
    return *value;
  };
  EXPECT_EQ(use().value(), 5);
}

TEST(Try, NestsInOneExpression) {
  const auto identity = [](int value) -> Result<int> { return value; };
  const auto nested = [&](bool good) -> Result<int> {
    return TRY(identity(TRY(number_or_error(good))));
  };
  EXPECT_EQ(nested(true).value(), 7);
  EXPECT_EQ(nested(false).error().what, "no number");
}

TEST(Doing, AddsTheActivityBehindInnerOnes) {
  const Result<int> result = doing("outer", doing("inner", number_or_error(false)));
  EXPECT_THAT(result.error().doing, ElementsAre("inner", "outer"));
}

TEST(Doing, LeavesAValueAlone) { EXPECT_EQ(doing("outer", number_or_error(true)).value(), 7); }

}  // namespace
}  // namespace gpuhook
