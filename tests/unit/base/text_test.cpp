// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gpuhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Concat, WritesNumbersInDecimalAndCharactersAsThemselves) {
  EXPECT_EQ(concat("GPU ", std::uint8_t{7}, ':', std::int64_t{-3}, std::string(" x")),
            "GPU 7:-3 x");
}

TEST(InQuotes, EscapesWhateverATerminalWouldInterpret) {
  struct {
    std::string_view name, text, expected;
  } const rows[] = {
      {"plain", "libcuda.so.1", "\"libcuda.so.1\""},
      {"empty", "", "\"\""},
      {"quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\""},
      {"line break", "a\nb\r", "\"a\\x0ab\\x0d\""},
      {"terminal escape", "\x1b[31m", "\"\\x1b[31m\""},
      {"delete", "\x7f", "\"\\x7f\""},
      {"not ASCII", "\xc3\xa9\xff", "\"\\xc3\\xa9\\xff\""},
      {"NUL", std::string_view("a\0b", 3), "\"a\\x00b\""},
      {"format directive", "%s%n", "\"%s%n\""},
  };
  for (const auto& row : rows) EXPECT_EQ(in_quotes(row.text), row.expected) << row.name;
}

TEST(InQuotes, KeepsTextOf200BytesAndCutsTextOf201) {
  EXPECT_EQ(in_quotes(std::string(200, 'a')), "\"" + std::string(200, 'a') + "\"");
  EXPECT_EQ(in_quotes(std::string(201, 'a')), "\"" + std::string(200, 'a') + "...\"");
}

TEST(OneLine, HasNoControlCharacter) {
  EXPECT_EQ(one_line("a\nb\r\t\x1b[2J\x7f \xc3\xa9"), "a?b???[2J? \xc3\xa9");
}

TEST(Trimmed, DropsBlanksAtBothEndsOnly) {
  EXPECT_EQ(trimmed(" \t\r\n\v\fa b \n"), "a b");
  EXPECT_EQ(trimmed("ab"), "ab");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Split, YieldsOnePieceMoreThanSeparators) {
  EXPECT_THAT(split("a,b", ','), ElementsAre("a", "b"));
  EXPECT_THAT(split(",", ','), ElementsAre("", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Words, SkipsRunsOfSpacesAndTabs) {
  EXPECT_THAT(words("  a \t b"), ElementsAre("a", "b"));
  EXPECT_THAT(words("a\nb"), ElementsAre("a\nb"));
  EXPECT_THAT(words(" \t"), IsEmpty());
  EXPECT_THAT(words(""), IsEmpty());
}

TEST(Lines, AddsNoEmptyLineAfterTheLastLineEnd) {
  EXPECT_THAT(lines("a\nb\n"), ElementsAre("a", "b"));
  EXPECT_THAT(lines("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(lines(""), IsEmpty());
  EXPECT_THAT(lines("\n"), ElementsAre(""));
}

TEST(Lower, ChangesAsciiLettersOnly) { EXPECT_EQ(lower("AZaz09[@\xc4"), "azaz09[@\xc4"); }

TEST(EqualIgnoringCase, ComparesLengthToo) {
  EXPECT_TRUE(equal_ignoring_case("GPU-aB", "gpu-Ab"));
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_FALSE(equal_ignoring_case("all", "all "));
  EXPECT_FALSE(equal_ignoring_case("a", "b"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));  // differ by the same bit as a letter's case
}

TEST(Number, AcceptsDigitsInRangeOnly) {
  EXPECT_EQ(number<std::uint32_t>("0"), 0U);
  EXPECT_EQ(number<std::uint32_t>("007"), 7U);
  EXPECT_EQ(number<std::uint32_t>("4294967295"), 4294967295U);
  EXPECT_EQ(number<std::uint8_t>("ff", 16), 255);
  for (const std::string_view text :
       {"", " 1", "1 ", "+1", "-1", "-0", "1e9", "0x10", "4294967296", "1.0", "\xd9\xa3"}) {
    EXPECT_EQ(number<std::uint32_t>(text), std::nullopt) << in_quotes(text);
  }
  EXPECT_EQ(number<std::uint8_t>("256"), std::nullopt);
}

TEST(Hex, PadsToTheWidthAndNeverCuts) {
  EXPECT_EQ(hex(0, 4), "0000");
  EXPECT_EQ(hex(0xa, 2), "0a");
  EXPECT_EQ(hex(0x12345, 4), "12345");
  EXPECT_EQ(hex(0, 0), "");
}

TEST(Joined, PutsSeparatorsBetweenPartsOnly) {
  EXPECT_EQ(joined(std::vector<std::string>{"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(joined(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(joined({}, ", "), "");
}

}  // namespace
}  // namespace gpuhook
