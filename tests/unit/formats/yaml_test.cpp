// SPDX-License-Identifier: Apache-2.0
#include "formats/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using ::testing::EndsWith;
using testing::error_kind;
using testing::error_of;
using ::testing::StartsWith;
using testing::value_of;

constexpr JsonLimits kRoomy{.bytes = 1U << 20U};

std::string parsed(std::string_view text) { return value_of(parse_yaml(text, kRoomy)).dump(); }
std::string refusal(std::string_view text) { return error_of(parse_yaml(text, kRoomy)); }
std::string written(std::string_view json) {
  return value_of(write_yaml(nlohmann::ordered_json::parse(json)));
}

TEST(ParseYaml, ReadsBlocksAndFlows) {
  EXPECT_EQ(parsed("a: b\nc:\n- d\n-  e: f\n   g: {h: [i, 1], j: }\nk: [ ]\n"),
            R"({"a":"b","c":["d",{"e":"f","g":{"h":["i",1],"j":null}}],"k":[]})");
  EXPECT_EQ(parsed("---\n- [a, [b]]\n- {}\n...\n"), R"([["a",["b"]],{}])");
  EXPECT_EQ(parsed("# comment\na: b # another\n"), R"({"a":"b"})");
  EXPECT_EQ(parsed("? a\n: b\n"), R"({"a":"b"})");
}

TEST(ParseYaml, ReadsJson) {
  EXPECT_EQ(parsed("{\"a\": [1, -2, 2.5, true, null, \"b\\u0041\"],\n\t\"c\": {}}"),
            R"({"a":[1,-2,2.5,true,null,"bA"],"c":{}})");
}

TEST(ParseYaml, TakesUnquotedWordsForWhatGoTakesThemFor) {
  struct {
    std::string_view word, expected;
  } const rows[] = {
      {"", "null"},
      {"~", "null"},
      {"null", "null"},
      {"Null", "null"},
      {"NULL", "null"},
      {"nULL", "\"nULL\""},
      {"true", "true"},
      {"True", "true"},
      {"TRUE", "true"},
      {"tRUE", "\"tRUE\""},
      {"false", "false"},
      {"False", "false"},
      {"FALSE", "false"},
      {"0", "0"},
      {"-0", "0"},
      {"123", "123"},
      {"+123", "123"},
      {"-123", "-123"},
      {"18446744073709551615", "18446744073709551615"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"18446744073709551616", "1.8446744073709552e+19"},
      {"-9223372036854775809", "-9.223372036854776e+18"},
      {"0666", "438"},
      {"-0666", "-438"},
      {"0o666", "438"},
      {"0x1B6", "438"},
      {"1.5", "1.5"},
      {"-1.5e3", "-1500.0"},
      {".5", "0.5"},
      {"1.", "1.0"},
      {"0.5", "0.5"},
      {"0e1", "0.0"},
      {"1e2", "100.0"},
      {"0.5.0", "\"0.5.0\""},
      {"0:0", "\"0:0\""},
      {"1:20", "\"1:20\""},
      {"2001-12-14", "\"2001-12-14\""},
      {"+", "\"+\""},
      {".", "\".\""},
      {"..", "\"..\""},
      {"+-1", "\"+-1\""},
      {"1a", "\"1a\""},
      {"0x", "\"0x\""},
      {"0xg", "\"0xg\""},
      {"_1", "\"_1\""},
      {"1e", "\"1e\""},
      {"inf", "\"inf\""},
      {"nan", "\"nan\""},
      {"a_b", "\"a_b\""},
      {"/dev/nvidia0", "\"/dev/nvidia0\""},
      {"../card1::/dev/dri/by-path/pci-0000:04:00.0-card",
       "\"../card1::/dev/dri/by-path/pci-0000:04:00.0-card\""},
      {"--folder", "\"--folder\""},
      {"two words", "\"two words\""},
  };
  for (const auto& row : rows)
    EXPECT_EQ(parsed(concat("--- ", row.word, "\n")), row.expected) << row.word;
}

TEST(ParseYaml, WantsQuotesWhereReadersDisagree) {
  for (const std::string_view word :
       {"y",    "Y",     "yes",  "Yes",  "YES",   "n",   "N",    "no",   "No",
        "NO",   "on",    "On",   "ON",   "off",   "Off", "OFF",  ".inf", "-.inf",
        ".Inf", "+.INF", ".nan", ".NaN", "1_000", "0b1", "-0b1", "0x_1", "-0x1",
        "-0o1", "089",   "-09",  "00.5", "1e999", "0o8", "1_0.5"}) {
    EXPECT_EQ(refusal(concat("a: ", word)),
              concat("not YAML: line 1: \"", word,
                     "\" needs quotes: readers take it for different things"));
  }
}

TEST(ParseYaml, TakesQuotedWordsAndBlocksForTexts) {
  struct {
    std::string_view text, expected;
  } const rows[] = {
      {"\"1\"", "1"},
      {"'1'", "1"},
      {"\"true\"", "true"},
      {"'yes'", "yes"},
      {"\"\"", ""},
      {"''", ""},
      {"'it''s'", "it's"},
      {"\"\\x41\"", "A"},
      {"|\n  1\n  2\n", "1\n2\n"},
      {"|-\n  1\n", "1"},
      {">-\n  a\n  b\n", "a b"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(value_of(parse_yaml(concat("- ", row.text), kRoomy))[0].get<std::string>(),
              row.expected)
        << row.text;
  }
}

TEST(ParseYaml, RefusesWhatJsonDoesNotHave) {
  struct {
    std::string_view name, text, error;
  } const rows[] = {
      {"anchor of a scalar", "a: &x 1\n", "line 1: an anchor"},
      {"anchor of a list", "a:\n  &x [1]\n", "line 2: an anchor"},
      {"anchor of a mapping", "&x {a: 1}\n", "line 1: an anchor"},
      {"alias", "a: *x\n", "line 1: an alias"},
      {"tag of a scalar", "a: !!str 1\n", "line 1: a tag"},
      {"own tag", "a: !x 1\n", "line 1: a tag"},
      {"tag of a quoted scalar", "a: ! \"1\"\n", "line 1: a tag"},
      {"tag that is dropped", "a: ! 1\n", "line 1: a tag"},
      {"tag of a list", "a: !!seq [1]\n", "line 1: a tag"},
      {"tag of a mapping", "!!map {a: 1}\n", "line 1: a tag"},
      {"tag of a key", "!!str a: 1\n", "line 1: a tag"},
      {"two documents", "a: 1\n---\nb: 2\n", "line 2: a second document"},
      {"version", "%YAML 1.1\n---\na: 1\n", "line 1: a directive"},
      {"tag shorthand", "%TAG ! tag:x,2000:\n---\na: 1\n", "line 1: a directive"},
      {"number as a key", "1: a\n", "line 1: a key that is not a text"},
      {"null as a key", "~: a\n", "line 1: a key that is not a text"},
      {"list as a key", "[a]: b\n", "line 1: a key that is not a text"},
      {"mapping as a key", "{a: b}: c\n", "line 1: a key that is not a text"},
      {"merge key", "a: 1\n<<: {b: 2}\n", "line 2: a merge key"},
      {"key twice", "a: 1\nb: 2\n\"a\": 3\n", "line 3: key \"a\" appears twice in one object"},
      {"nothing", "", "no document"},
      {"comment only", "# x\n", "no document"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(refusal(row.text), concat("not YAML: ", row.error)) << row.name;
    EXPECT_EQ(error_kind(parse_yaml(row.text, kRoomy)), "bad-input") << row.name;
  }
}

TEST(ParseYaml, KeepsKeysOfOtherMappingsAndQuotedOddKeys) {
  EXPECT_EQ(parsed("a: {a: 1}\nb: [{a: 2}, {a: 3}]\n"), R"({"a":{"a":1},"b":[{"a":2},{"a":3}]})");
  EXPECT_EQ(parsed("\"1\": a\n\"<<\": b\n\"\": c\n"), R"({"":"c","1":"a","<<":"b"})");
  EXPECT_EQ(parsed("a:\n  b: c\nd: e\n"), R"({"a":{"b":"c"},"d":"e"})");
}

TEST(ParseYaml, NamesTheLineOfWhatIsMalformed) {
  for (const std::string_view text :
       {"a: 1\n b: 2\n", "a: 1\nb: [\n", "a: 1\nb: \"x\n", "a: 1\n\tb: 2\n", "a: 1\n@\n",
        "a: 1\n}\n", "a: 1\nb: %x\n", "a: 1\n- b\n"}) {
    EXPECT_THAT(refusal(text), StartsWith("not YAML: line ")) << text;
  }
  EXPECT_EQ(refusal("a: b: c\n"),
            "not YAML: line 1: mapping values are not allowed in this context");
}

TEST(ParseYaml, RefusesBytesThatAreNotUtf8AndControlCharacters) {
  for (const std::string_view bytes :
       {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x01", "\x1b", "\x7f"}) {
    EXPECT_THAT(refusal(concat("a: x", bytes, "\n")), StartsWith("not YAML: byte "))
        << in_quotes(bytes);
  }
  EXPECT_EQ(refusal(std::string_view("a\0", 2)), "contains a NUL byte");
  EXPECT_EQ(refusal("\xef\xbb\xbf{}"), "begins with a byte order mark");
  EXPECT_FALSE(
      parse_yaml("\xff\xfe"
                 "a",
                 kRoomy));
}

TEST(ParseYaml, KeepsItsLimits) {
  EXPECT_TRUE(parse_yaml("[1,2]", {.bytes = 5}));
  EXPECT_EQ(error_of(parse_yaml("[1,2]", {.bytes = 4})), "larger than 4 bytes");
  EXPECT_TRUE(parse_yaml("[[[]]]", {.bytes = 100, .depth = 3}));
  EXPECT_EQ(error_of(parse_yaml("- - - -", {.bytes = 100, .depth = 3})),
            "not YAML: line 1: nested deeper than 3");
  EXPECT_EQ(error_of(parse_yaml("{a: {a: {a: {}}}}", {.bytes = 100, .depth = 3})),
            "not YAML: line 1: nested deeper than 3");
  EXPECT_TRUE(parse_yaml("[1,[2]]", {.bytes = 100, .values = 4}));
  EXPECT_EQ(error_of(parse_yaml("[1,[2],3]", {.bytes = 100, .values = 4})),
            "not YAML: line 1: more than 4 values");
}

TEST(ParseYaml, SurvivesAMillionLevels) {
  for (const std::string_view opening : {"[", "{", "- ", "? ", "[{", "{? "}) {
    std::string text;
    while (text.size() < 1'000'000) text += opening;
    EXPECT_FALSE(parse_yaml(text, {.bytes = 2'000'000})) << opening;
  }
}

TEST(ParseYaml, SurvivesALongDocumentInOnePass) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += concat("k", i, ": \"v\"\n");
  EXPECT_EQ(value_of(parse_yaml(text, kRoomy)).size(), 50'000U);
  EXPECT_EQ(value_of(parse_yaml(concat("[", std::string(500'000, 'a'), "]"), kRoomy)).size(), 1U);
}

TEST(ParseYaml, SurvivesATextCutOffAnywhere) {
  const std::string text =
      "a: [1, 'b', \"c\\x41\"]\nd: |\n  e\n? f\n: {g: h, i: [j]}\nk: >-\n  l\n  m\n# n\n";
  ASSERT_TRUE(parse_yaml(text, kRoomy));
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_NE(error_kind(parse_yaml(text.substr(0, size), kRoomy)), "system") << size;
}

TEST(WriteYaml, WritesBlocksInOrder) {
  EXPECT_EQ(written(R"({"b":"x","a":[{"d":"w","c":[1,-2,true,null]},"z"],"e":{},"f":[]})"),
            "b: x\na:\n- d: w\n  c:\n  - 1\n  - -2\n  - true\n  - null\n- z\ne: {}\nf: []\n");
}

TEST(WriteYaml, QuotesWhatSomeReaderTakesForSomethingElse) {
  for (const std::string_view text :
       {"1", "0", "0x1", "1.5", "true", "null", "~", "", "yes", "off", "1_000", ".nan", "0b1",
        "089", "0:0", "1:20", "1:20.5", "2001-12-14"}) {
    EXPECT_EQ(written(concat("[\"", text, "\"]")), concat("- \"", text, "\"\n"));
  }
  for (const std::string_view text : {"0.5.0", "nvidia.com/gpu", "/dev/nvidia0", "A=1", "--folder",
                                      "../a::/b", "GPU-1f6b", "gpu0", "a b", "438a"}) {
    EXPECT_EQ(written(concat("[\"", text, "\"]")), concat("- ", text, "\n"));
  }
  EXPECT_EQ(written(R"({"1":"a"})"), "\"1\": a\n");
}

TEST(WriteYaml, WritesLettersBeyondAsciiAsTheyAre) {
  EXPECT_EQ(written("[\"\xc3\xa9\"]"), "- \xc3\xa9\n");
}

TEST(WriteYaml, WritesWhatReadsBackTheSame) {
  for (const std::string_view json : {R"("")",
                                      R"("a: b")",
                                      R"("# a")",
                                      R"("a #b")",
                                      R"("- a")",
                                      R"("-")",
                                      R"("?")",
                                      R"("&a")",
                                      R"("*a")",
                                      R"("!a")",
                                      R"("%a")",
                                      R"("@a")",
                                      R"("`a")",
                                      R"("[a]")",
                                      R"("{a}")",
                                      R"("'a'")",
                                      R"("\"a\"")",
                                      R"(" a ")",
                                      R"("a\nb\n")",
                                      R"("\u0001")",
                                      R"("\u007f\u0085\u2028\ufeff")",
                                      R"("\u00e9\ud83d\ude00")",
                                      R"("<<")",
                                      R"("---")",
                                      R"("...")",
                                      R"("=")",
                                      R"(["a",["b",[]]])",
                                      R"({"a: b":{"":""}})",
                                      "7",
                                      "-1.5",
                                      "true",
                                      "null"}) {
    EXPECT_EQ(parsed(written(json)), nlohmann::json::parse(json).dump()) << json;
  }
  const std::string wide(5000, 'w');
  EXPECT_EQ(written(concat("[\"", wide, " ", wide, "\"]")), concat("- ", wide, " ", wide, "\n"));
  EXPECT_EQ(parsed(written(concat("{\"", wide, "\":1}"))), concat("{\"", wide, "\":1}"));
}

TEST(WriteYaml, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(error_of(write_yaml({"a\xff"})), "a text that YAML cannot hold");
  EXPECT_EQ(error_of(write_yaml({{"a\xff", 1}})), "a text that YAML cannot hold");
}

}  // namespace
}  // namespace gpuhook::formats
