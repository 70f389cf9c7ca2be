// SPDX-License-Identifier: Apache-2.0
#include "formats/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing::value_of;

constexpr JsonLimits kRoomy{.bytes = 1U << 20U};

nlohmann::json parsed(std::string_view text) { return value_of(parse_json(text, kRoomy)); }

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(ParseJson, ReadsEveryKindOfValue) {
  const nlohmann::json document =
      parsed(R"( {"a": [1, -2, 2.5, true, false, null], "b": {"c": "d"}, "e": [], "f": {}} )");
  EXPECT_EQ(document.dump(), R"({"a":[1,-2,2.5,true,false,null],"b":{"c":"d"},"e":[],"f":{}})");
  EXPECT_EQ(parsed("\"text\"").dump(), "\"text\"");
  EXPECT_EQ(parsed("7").dump(), "7");
}

TEST(ParseJson, ResolvesEscapesOfEveryForm) {
  EXPECT_EQ(parsed(R"("\/usr\/bin")").get<std::string>(), "/usr/bin");
  EXPECT_EQ(parsed(R"("\"\\\b\f\n\r\t")").get<std::string>(), "\"\\\b\f\n\r\t");
  EXPECT_EQ(parsed(R"("\u00e9\ud83d\ude00")").get<std::string>(), "\xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_EQ(parsed(R"("a\u0000b")").get<std::string>(), std::string("a\0b", 3));
}

TEST(ParseJson, RefusesTextThatIsNotOneDocument) {
  struct {
    std::string_view name, text;
  } const rows[] = {
      {"empty", ""},
      {"blank", "  \n"},
      {"two documents", "{} {}"},
      {"trailing junk", "{}x"},
      {"trailing comma", "[1,]"},
      {"comment", "/* */ {}"},
      {"single quotes", "{'a':1}"},
      {"bare key", "{a:1}"},
      {"leading zero", "[01]"},
      {"plus sign", "[+1]"},
      {"hexadecimal", "[0x1]"},
      {"not a number", "[NaN]"},
      {"number beyond double", "[1e999]"},
      {"control character in a string", "\"a\nb\""},
      {"unknown escape", R"("\x41")"},
      {"lone high surrogate", R"("\ud800")"},
      {"lone low surrogate", R"("\udc00")"},
      {"cut off string", "\"abc"},
      {"cut off object", "{\"a\":1"},
      {"mismatched brackets", "[}"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(error_of(parse_json(row.text, kRoomy)), StartsWith("not JSON: malformed at byte"))
        << row.name;
    EXPECT_EQ(error_kind(parse_json(row.text, kRoomy)), "bad-input") << row.name;
  }
}

TEST(ParseJson, RefusesBytesThatAreNotUtf8) {
  for (const std::string_view bytes :
       {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
    EXPECT_THAT(error_of(parse_json(concat("[\"", bytes, "\"]"), kRoomy)),
                StartsWith("not JSON: malformed"))
        << in_quotes(bytes);
  }
}

TEST(ParseJson, RefusesNulBytes) {
  EXPECT_EQ(error_of(parse_json(std::string_view("{}\0", 3), kRoomy)), "contains a NUL byte");
  EXPECT_EQ(error_of(parse_json(std::string_view("[\0]", 3), kRoomy)), "contains a NUL byte");
}

TEST(ParseJson, RefusesByteOrderMarksOfEveryEncoding) {
  EXPECT_EQ(error_of(parse_json("\xef\xbb\xbf{}", kRoomy)), "begins with a byte order mark");
  EXPECT_FALSE(parse_json(std::string_view("\xff\xfe{\0}\0", 6), kRoomy));
  EXPECT_FALSE(parse_json("\xff\xfe", kRoomy));
}

TEST(ParseJson, RefusesAKeyTwiceInOneObject) {
  EXPECT_EQ(error_of(parse_json(R"({"pid":1,"pid":2})", kRoomy)),
            "not JSON: key \"pid\" appears twice in one object");
  EXPECT_EQ(error_of(parse_json(R"({"a":{"b":1,"\u0062":2}})", kRoomy)),
            "not JSON: key \"b\" appears twice in one object");
  EXPECT_EQ(error_of(parse_json(R"({"a":[],"a":[]})", kRoomy)),
            "not JSON: key \"a\" appears twice in one object");
}

TEST(ParseJson, AllowsAKeyAgainInAnotherObject) {
  EXPECT_EQ(parsed(R"({"a":{"a":{"a":1}},"b":[{"a":2},{"a":3}]})").dump(),
            R"({"a":{"a":{"a":1}},"b":[{"a":2},{"a":3}]})");
}

TEST(ParseJson, StopsOneByteBeyondTheLimit) {
  EXPECT_TRUE(parse_json("[1,2]", {.bytes = 5}));
  EXPECT_EQ(error_of(parse_json("[1,2]", {.bytes = 4})), "larger than 4 bytes");
}

TEST(ParseJson, StopsOneLevelBeyondTheLimit) {
  EXPECT_TRUE(parse_json(nested(3), {.bytes = 100, .depth = 3}));
  EXPECT_EQ(error_of(parse_json(nested(4), {.bytes = 100, .depth = 3})),
            "not JSON: nested deeper than 3");
  EXPECT_EQ(error_of(parse_json(R"({"a":{"a":{"a":{}}}})", {.bytes = 100, .depth = 3})),
            "not JSON: nested deeper than 3");
}

TEST(ParseJson, Allows64LevelsUnlessToldOtherwise) {
  EXPECT_TRUE(parse_json(nested(64), kRoomy));
  EXPECT_FALSE(parse_json(nested(65), kRoomy));
}

TEST(ParseJson, SurvivesAMillionLevels) {
  EXPECT_EQ(error_of(parse_json(std::string(1'000'000, '['), {.bytes = 1'000'000})),
            "not JSON: nested deeper than 64");
}

TEST(ParseJson, CountsScalarsAndContainersTogether) {
  const JsonLimits four{.bytes = 100, .values = 4};
  EXPECT_TRUE(parse_json("[1,[2]]", four));
  EXPECT_EQ(error_of(parse_json("[1,[2],3]", four)), "not JSON: more than 4 values");
  EXPECT_EQ(error_of(parse_json("[1,2,3,[]]", four)), "not JSON: more than 4 values");
}

TEST(ParseJson, KeepsParentsOfGrowingArrays) {
  EXPECT_EQ(parsed("[[[1],[2],[3],[4],[5]],[{\"a\":[6,[7]]},8],9]").dump(),
            "[[[1],[2],[3],[4],[5]],[{\"a\":[6,[7]]},8],9]");
}

TEST(Member, FindsNothingWithoutError) {
  const nlohmann::json object = parsed(R"({"a":1})");
  EXPECT_EQ(value_of(member(object, "b")), nullptr);
  EXPECT_EQ(*value_of(member(object, "a")), 1);
}

TEST(Member, RefusesACaseTwin) {
  EXPECT_EQ(error_of(member(parsed(R"({"Pid":1})"), "pid")),
            "key \"Pid\" differs from \"pid\" in case only");
  EXPECT_EQ(error_of(member(parsed(R"({"pid":1,"PID":2})"), "pid")),
            "key \"PID\" differs from \"pid\" in case only");
}

TEST(Member, NeedsAnObject) {
  for (const std::string_view text : {"[]", "null", "1", "\"a\""})
    EXPECT_EQ(error_of(member(parsed(text), "a")), "what should hold \"a\" is not an object")
        << text;
}

TEST(StringMember, TakesStringsOnly) {
  EXPECT_EQ(value_of(string_member(parsed(R"({"a":"b"})"), "a")), "b");
  EXPECT_EQ(value_of(string_member(parsed(R"({"a":""})"), "a")), "");
  EXPECT_EQ(value_of(string_member(parsed("{}"), "a")), std::nullopt);
  for (const std::string_view value : {"1", "null", "true", "[]", "{}", "[\"b\"]"}) {
    EXPECT_EQ(error_of(string_member(parsed(concat("{\"a\":", value, "}")), "a")),
              "\"a\" is not a string")
        << value;
  }
}

TEST(IntegerMember, TakesIntegersOf64BitsOnly) {
  struct {
    std::string_view text;
    std::int64_t expected;
  } const good[] = {{"0", 0},
                    {"-1", -1},
                    {"-0", 0},
                    {"9223372036854775807", INT64_MAX},
                    {"-9223372036854775808", INT64_MIN}};
  for (const auto& row : good) {
    EXPECT_EQ(value_of(integer_member(parsed(concat("{\"a\":", row.text, "}")), "a")), row.expected)
        << row.text;
  }
  EXPECT_EQ(value_of(integer_member(parsed("{}"), "a")), std::nullopt);
  for (const std::string_view value :
       {"9223372036854775808", "18446744073709551615", "18446744073709551616",
        "-9223372036854775809", "1.5", "1.0", "1e3", "\"12\"", "null", "true", "[1]"}) {
    EXPECT_EQ(error_of(integer_member(parsed(concat("{\"a\":", value, "}")), "a")),
              "\"a\" is not an integer")
        << value;
  }
}

TEST(StringListMember, TakesListsOfStringsOnly) {
  EXPECT_THAT(value_of(string_list_member(parsed(R"({"a":["b","","c"]})"), "a")),
              ElementsAre("b", "", "c"));
  EXPECT_THAT(value_of(string_list_member(parsed(R"({"a":[]})"), "a")), IsEmpty());
  EXPECT_THAT(value_of(string_list_member(parsed(R"({"a":null})"), "a")), IsEmpty());
  EXPECT_THAT(value_of(string_list_member(parsed("{}"), "a")), IsEmpty());
  for (const std::string_view value : {"\"b\"", "1", "{}", "[1]", "[\"b\",null]", "[[\"b\"]]"}) {
    EXPECT_EQ(error_of(string_list_member(parsed(concat("{\"a\":", value, "}")), "a")),
              "\"a\" is not a list of strings")
        << value;
  }
}

}  // namespace
}  // namespace gpuhook::formats
