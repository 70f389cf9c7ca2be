// SPDX-License-Identifier: Apache-2.0
#include "formats/json_edit.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using nlohmann::json;
using testing::captured;
using testing::captured_configs;
using testing::error_kind;
using testing::error_of;
using testing::value_of;

const std::vector<std::string> kOne{"X"};
const std::vector<std::string> kTwo{"X", "Y"};

// The text of a path's value, "-" where there is none.
std::string found(std::string_view text, MemberPath path) {
  const std::optional<Span> span = value_of(find_value(text, path));
  return span ? std::string(part(text, *span)) : "-";
}

// The elements of a list, each behind a stroke.
std::string listed(std::string_view text, MemberPath path) {
  std::string out;
  for (const Span element : value_of(find_elements(text, path)))
    out += concat("|", part(text, element));
  return out;
}

TEST(WithReplaced, ReplacesInsertsAndDeletes) {
  EXPECT_EQ(with_replaced("abcd", {.begin = 1, .end = 3}, "-"), "a-d");
  EXPECT_EQ(with_replaced("abcd", {.begin = 4, .end = 4}, "e"), "abcde");
  EXPECT_EQ(with_replaced("abcd", {.begin = 0, .end = 2}, ""), "cd");
}

TEST(FindValue, FindsWhatIsThere) {
  struct {
    std::string_view text, expected;
  } const rows[] = {
      {R"({"a":{"b":1}})", "1"},
      {R"( { "a" : { "b" : [ 1, 2 ] } } )", "[ 1, 2 ]"},
      {R"({"b":2,"a":{"c":3,"b":"}"}})", R"("}")"},
      {R"({"a":{"b":false}})", "false"},
  };
  for (const auto& row : rows) EXPECT_EQ(found(row.text, {"a", "b"}), row.expected) << row.text;
}

TEST(FindValue, FindsNothingWhereSomethingOnTheWayIsMissingOrNull) {
  for (const std::string_view text :
       {"{}", R"({"b":1})", R"({"a":null})", R"({"a":{}})", R"({"a":{"b":null}})",
        R"({"c":{"b":1}})", R"({"a":{"a":{"b":1}}})"})
    EXPECT_EQ(found(text, {"a", "b"}), "-") << text;
}

TEST(FindElements, ListsThemInTheirOrder) {
  EXPECT_EQ(listed(R"({"a":[1, "b,c" ,[2],{"d":3}]})", {"a"}), R"(|1|"b,c"|[2]|{"d":3})");
  EXPECT_EQ(listed(R"({"a":[ ]})", {"a"}), "");
  EXPECT_EQ(listed(R"({"a":null})", {"a"}), "");
  EXPECT_EQ(listed("{}", {"a"}), "");
}

TEST(WithElements, MakesWhatIsMissing) {
  struct {
    std::string_view name, before, after;
  } const rows[] = {
      {"empty document", "{}", R"({"a": {"b": {"c": [X, Y]}}})"},
      {"blank document", "{ }", R"({"a": {"b": {"c": [X, Y]}} })"},
      {"other members", R"({"d":1})", R"({"d":1,"a": {"b": {"c": [X, Y]}}})"},
      {"null at the top", R"({"a":null,"d":1})", R"({"a":{"b": {"c": [X, Y]}},"d":1})"},
      {"empty object at the top", R"({"a":{}})", R"({"a":{"b": {"c": [X, Y]}}})"},
      {"null in the middle", R"({"a":{"b":null}})", R"({"a":{"b":{"c": [X, Y]}}})"},
      {"empty object in the middle", R"({"a":{"b":{}}})", R"({"a":{"b":{"c": [X, Y]}}})"},
      {"neighbour in the middle", R"({"a":{"b":{"d":1}}})", R"({"a":{"b":{"d":1,"c": [X, Y]}}})"},
      {"null list", R"({"a":{"b":{"c":null}}})", R"({"a":{"b":{"c":[X, Y]}}})"},
      {"empty list", R"({"a":{"b":{"c":[]}}})", R"({"a":{"b":{"c":[X, Y]}}})"},
      {"blank list", R"({"a":{"b":{"c":[ ]}}})", R"({"a":{"b":{"c":[X, Y ]}}})"},
      {"one element", R"({"a":{"b":{"c":[1]}}})", R"({"a":{"b":{"c":[1,X,Y]}}})"},
      {"blank before the end", R"({"a":{"b":{"c":[1 ]}}})", R"({"a":{"b":{"c":[1,X,Y ]}}})"},
      {"same names elsewhere", R"({"b":{"c":[1]},"c":[2]})",
       R"({"b":{"c":[1]},"c":[2],"a": {"b": {"c": [X, Y]}}})"},
      {"same name as a value", R"({"z":"a","a":{"b":{"c":["c"]}}})",
       R"({"z":"a","a":{"b":{"c":["c",X,Y]}}})"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(value_of(with_elements(row.before, {"a", "b", "c"}, kTwo)), row.after) << row.name;
  }
}

TEST(WithElements, WritesInTheStyleOfTheList) {
  struct {
    std::string_view name, before, after;
  } const rows[] = {
      {"on one line", R"({"a":[1,2]})", R"({"a":[1,2,X,Y]})"},
      {"on one line with blanks", R"({"a": [1, 2]})", R"({"a": [1, 2, X, Y]})"},
      {"indented", "{\n  \"a\": [\n    1\n  ]\n}\n",
       "{\n  \"a\": [\n    1,\n    X,\n    Y\n  ]\n}\n"},
      {"indented by tabs", "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}",
       "{\n\t\"a\": [\n\t\t1,\n\t\t2,\n\t\tX,\n\t\tY\n\t]\n}"},
      {"line ends of two bytes", "{\"a\": [\r\n 1\r\n]}", "{\"a\": [\r\n 1,\r\n X,\r\n Y\r\n]}"},
      {"comma in front", "{\"a\": [ 1\n , 2\n ]}", "{\"a\": [ 1\n , 2, X, Y\n ]}"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(value_of(with_elements(row.before, {"a"}, kTwo)), row.after) << row.name;
}

TEST(WithElements, WritesANewMemberInTheStyleOfItsNeighbours) {
  EXPECT_EQ(value_of(with_elements("{\n\t\"a\": 1\n}\n", {"b"}, kOne)),
            "{\n\t\"a\": 1,\n\t\"b\": [X]\n}\n");
  EXPECT_EQ(value_of(with_elements("{\n  \"a\": {\n    \"c\": 1\n  }\n}", {"a", "b"}, kOne)),
            "{\n  \"a\": {\n    \"c\": 1,\n    \"b\": [X]\n  }\n}");
}

TEST(WithElements, ChangesNothingWithoutPieces) {
  for (const std::string_view text : {"{}", R"({"a":null})", R"({"a":[]})", R"({"a":[1]})"})
    EXPECT_EQ(value_of(with_elements(text, {"a"}, {})), text);
}

TEST(WithMember, AddsOrReplaces) {
  struct {
    std::string_view name, before, after;
  } const rows[] = {
      {"empty document", "{}", R"({"a": {"b": X}})"},
      {"null object", R"({"a":null})", R"({"a":{"b": X}})"},
      {"empty object", R"({"a":{}})", R"({"a":{"b": X}})"},
      {"neighbours", R"({"a":{"c":1, "d":2}})", R"({"a":{"c":1, "d":2, "b": X}})"},
      {"null value", R"({"a":{"b":null,"c":1}})", R"({"a":{"b":X,"c":1}})"},
      {"scalar", R"({"a":{"c":1,"b" : "old" }})", R"({"a":{"c":1,"b" : X }})"},
      {"object", R"({"a":{"b":{"b":1},"c":1}})", R"({"a":{"b":X,"c":1}})"},
      {"list", R"({"a":{"b":[1,2]}})", R"({"a":{"b":X}})"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(value_of(with_member(row.before, {"a", "b"}, "X")), row.after) << row.name;
}

TEST(Edits, RefuseThingsOfAnotherKindOnTheWay) {
  struct {
    std::string_view text, error;
  } const rows[] = {
      {"[]", "the document is not an object"},   {"1", "the document is not an object"},
      {"", "the document is not an object"},     {R"({"a":1})", "\"a\" is not an object"},
      {R"({"a":[]})", "\"a\" is not an object"}, {R"({"a":"{}"})", "\"a\" is not an object"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_of(find_value(row.text, {"a", "b"})), row.error) << row.text;
    EXPECT_EQ(error_of(find_elements(row.text, {"a", "b"})), row.error) << row.text;
    EXPECT_EQ(error_of(with_elements(row.text, {"a", "b"}, kOne)), row.error) << row.text;
    EXPECT_EQ(error_of(with_member(row.text, {"a", "b"}, "X")), row.error) << row.text;
    EXPECT_EQ(error_kind(with_member(row.text, {"a", "b"}, "X")), "bad-input") << row.text;
  }
}

TEST(Edits, RefuseAListThatIsNone) {
  for (const std::string_view text :
       {R"({"a":{"b":{}}})", R"({"a":{"b":"[]"}})", R"({"a":{"b":0}})", R"({"a":{"b":true}})"}) {
    EXPECT_EQ(error_of(find_elements(text, {"a", "b"})), "\"b\" is not a list") << text;
    EXPECT_EQ(error_of(with_elements(text, {"a", "b"}, kOne)), "\"b\" is not a list") << text;
    EXPECT_EQ(error_kind(with_elements(text, {"a", "b"}, kOne)), "bad-input") << text;
  }
}

TEST(Edits, FindMembersByWhatTheirKeysStandFor) {
  EXPECT_EQ(value_of(with_elements(R"({"\u0061":{"b":[1]},"x\u0026y":0})", {"a", "b"}, kOne)),
            R"({"\u0061":{"b":[1,X]},"x\u0026y":0})");
}

TEST(Edits, RefuseKeysThatOtherReadersCouldTakeForTheWantedOne) {
  struct {
    std::string_view text, error;
  } const rows[] = {
      {R"({"A":{}})", "key \"A\" differs from \"a\" in case only"},
      {R"({"a":{},"A":{}})", "key \"A\" differs from \"a\" in case only"},
      {R"({"A":{},"a":{}})", "key \"A\" differs from \"a\" in case only"},
      {R"({"a":{"B":1}})", "key \"B\" differs from \"b\" in case only"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_of(find_value(row.text, {"a", "b"})), row.error);
    EXPECT_EQ(error_of(find_elements(row.text, {"a", "b"})), row.error);
    EXPECT_EQ(error_of(with_elements(row.text, {"a", "b"}, kOne)), row.error);
    EXPECT_EQ(error_of(with_member(row.text, {"a", "b"}, "X")), row.error);
    EXPECT_EQ(error_kind(find_value(row.text, {"a", "b"})), "bad-input");
  }
}

TEST(Edits, DoNotMindSuchKeysWhereNothingIsWanted) {
  const std::string_view text = R"({"c":{"A":1,"\u0061":2},"a":{"C":3,"b":{"B":4}}})";
  EXPECT_EQ(found(text, {"a", "b"}), R"({"B":4})");
}

TEST(Without, TakesAnElementOutWhereverItStands) {
  struct {
    std::string_view before;
    std::size_t index;
    std::string_view after;
  } const rows[] = {
      {R"({"a":[1, 2, 3]})", 0, R"({"a":[2, 3]})"},
      {R"({"a":[1, 2, 3]})", 1, R"({"a":[1, 3]})"},
      {R"({"a":[1, 2, 3]})", 2, R"({"a":[1, 2]})"},
      {R"({"a":[1]})", 0, R"({"a":[]})"},
      {R"({"a":[1,2]})", 0, R"({"a":[2]})"},
      {R"({"a":[1,2]})", 1, R"({"a":[1]})"},
      {"{\"a\": [\n  1,\n  2\n]}", 0, "{\"a\": [\n  2\n]}"},
      {"{\"a\": [\n  1,\n  2\n]}", 1, "{\"a\": [\n  1\n]}"},
  };
  for (const auto& row : rows) {
    const std::vector<Span> elements = value_of(find_elements(row.before, {"a"}));
    EXPECT_EQ(without(row.before, elements, row.index), row.after) << row.before << row.index;
  }
}

TEST(Without, TakesAWholeMemberOut) {
  const std::string_view text = R"({ "a" : 1, "b":[2,3], "c": {} })";
  const std::vector<Span> all = whole_members(text, whole_value(text));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(without(text, all, 0), R"({ "b":[2,3], "c": {} })");
  EXPECT_EQ(without(text, all, 1), R"({ "a" : 1, "c": {} })");
  EXPECT_EQ(without(text, all, 2), R"({ "a" : 1, "b":[2,3] })");
}

TEST(WholeMembers, ReachFromTheKeyToTheEndOfTheValue) {
  const std::string_view text = R"({ "a" : 1 , "b":{"c":2} })";
  const std::vector<Span> all = whole_members(text, whole_value(text));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(part(text, all[0]), R"("a" : 1)");
  EXPECT_EQ(part(text, all[1]), R"("b":{"c":2})");
  EXPECT_TRUE(whole_members("{}", {.begin = 0, .end = 2}).empty());
}

// `after` is `before` with bytes put in at one place, and with `lost` bytes gone there.
void expect_one_edit(std::string_view before, std::string_view after, std::size_t lost) {
  std::size_t same = 0;
  while (same < before.size() && before[same] == after[same]) ++same;
  // What was put in can begin as what stood there.
  std::size_t end = 0;
  while (end < before.size() - same && end < after.size() - same &&
         before[before.size() - 1 - end] == after[after.size() - 1 - end])
    ++end;
  EXPECT_LE(before.size() - same - end, lost);
}

// Puts two elements more into the list at `path` of both; the text changes at one place.
void add_elements(std::string& text, json& expected, MemberPath path) {
  const std::vector<std::string> pieces{R"({"new":[1,"}"]})", "17"};
  const std::string after = value_of(with_elements(text, path, pieces));
  expect_one_edit(text, after, std::string_view("null").size());
  text = after;
  json* list = &expected;
  for (const std::string_view name : path) list = &(*list)[std::string(name)];
  for (const std::string& piece : pieces) list->push_back(json::parse(piece));
}

TEST(Edits, OfEveryEnginesConfigurationKeepEveryOtherByte) {
  for (const std::string& file : captured_configs()) {
    SCOPED_TRACE(file);
    std::string text = captured(file);
    json expected = json::parse(text);
    add_elements(text, expected, {"mounts"});
    add_elements(text, expected, {"process", "env"});
    add_elements(text, expected, {"process", "user", "additionalGids"});
    add_elements(text, expected, {"linux", "devices"});
    add_elements(text, expected, {"linux", "resources", "devices"});
    add_elements(text, expected, {"hooks", "createRuntime"});
    add_elements(text, expected, {"no", "such", "list"});
    EXPECT_EQ(json::parse(text), expected);
  }
}

TEST(Edits, OfAMemberOfEveryEnginesConfigurationKeepEveryOtherByte) {
  for (const std::string& file : captured_configs()) {
    SCOPED_TRACE(file);
    const std::string before = captured(file);
    const std::string added = value_of(with_member(before, {"annotations", "a.b/c"}, "\"x\""));
    json expected = json::parse(before);
    expected["annotations"]["a.b/c"] = "x";
    EXPECT_EQ(json::parse(added), expected);
    expect_one_edit(before, added, std::string_view("null").size());

    const std::string changed = value_of(with_member(added, {"annotations", "a.b/c"}, "\"y\""));
    expected["annotations"]["a.b/c"] = "y";
    EXPECT_EQ(json::parse(changed), expected);
    expect_one_edit(added, changed, 1);
  }
}

TEST(Without, GivesEveryEnginesConfigurationBack) {
  const std::string piece = R"({"destination":"/x"})";
  for (const std::string& file : captured_configs()) {
    SCOPED_TRACE(file);
    const std::string before = captured(file);
    const std::string after = value_of(with_elements(before, {"mounts"}, {&piece, 1}));
    const std::vector<Span> elements = value_of(find_elements(after, {"mounts"}));
    EXPECT_EQ(without(after, elements, elements.size() - 1), before);
  }
}

TEST(Without, TakesAnyElementOfEveryEnginesConfigurationOut) {
  for (const std::string& file : captured_configs()) {
    SCOPED_TRACE(file);
    std::string text = captured(file);
    json expected = json::parse(text)["mounts"];
    // From the middle to both ends, until none is left.
    while (!expected.empty()) {
      const std::size_t at = expected.size() / 2;
      text = without(text, value_of(find_elements(text, {"mounts"})), at);
      expected.erase(at);
      const Span list = *value_of(find_value(text, {"mounts"}));
      EXPECT_EQ(json::parse(part(text, list)), expected);
    }
  }
}

}  // namespace
}  // namespace gpuhook::formats
