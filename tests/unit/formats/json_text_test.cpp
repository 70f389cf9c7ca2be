// SPDX-License-Identifier: Apache-2.0
#include "formats/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gpuhook::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string cut(std::string_view text, Span span) {
  return std::string(text.substr(span.begin, span.end - span.begin));
}

std::vector<std::string> texts_of_members(std::string_view text) {
  std::vector<std::string> found;
  for (const Member& member : members(text, whole_value(text)))
    found.push_back(cut(text, member.key) + "=" + cut(text, member.value));
  return found;
}

std::vector<std::string> texts_of_elements(std::string_view text) {
  std::vector<std::string> found;
  for (const Span element : elements(text, whole_value(text))) found.push_back(cut(text, element));
  return found;
}

TEST(WholeValue, LeavesTheBlanksAroundItOut) {
  EXPECT_EQ(whole_value(" \n{\"a\":1}\n"), (Span{2, 9}));
  EXPECT_EQ(whole_value("7 "), (Span{0, 1}));
  EXPECT_EQ(whole_value("\"a\\\"b\""), (Span{0, 6}));
}

TEST(Members, AreListedInDocumentOrder) {
  EXPECT_THAT(texts_of_members(R"({"b":1,"a":"x","c":null})"),
              ElementsAre("\"b\"=1", "\"a\"=\"x\"", "\"c\"=null"));
}

TEST(Members, AreFoundBetweenAnyBlanks) {
  EXPECT_THAT(texts_of_members("{\r\n\t\"a\" :\t1 ,\n \"b\"\n:\n[ 1 , 2 ]\n}"),
              ElementsAre("\"a\"=1", "\"b\"=[ 1 , 2 ]"));
}

TEST(Members, EndWhereTheirValueEndsWhateverItHolds) {
  EXPECT_THAT(texts_of_members(R"({"a":{"x":"}],\"","y":[{}]},"b":"{[\\","c":-1.5e3})"),
              ElementsAre(R"("a"={"x":"}],\"","y":[{}]})", R"("b"="{[\\")", "\"c\"=-1.5e3"));
}

TEST(Members, AreNoneInAnEmptyObject) {
  EXPECT_THAT(texts_of_members("{}"), IsEmpty());
  EXPECT_THAT(texts_of_members("{ \n }"), IsEmpty());
  EXPECT_THAT(texts_of_members("[1]"), IsEmpty());
}

TEST(Members, OfAnInnerObjectStopAtItsEnd) {
  const std::string_view text = R"({"a":{"x":1},"b":2})";
  EXPECT_EQ(members(text, Span{5, 12}).size(), 1U);
}

TEST(Elements, AreListedInOrder) {
  EXPECT_THAT(texts_of_elements(R"([ {"a":[1]} , "],", [] ,3,true])"),
              ElementsAre(R"({"a":[1]})", "\"],\"", "[]", "3", "true"));
  EXPECT_THAT(texts_of_elements("[]"), IsEmpty());
  EXPECT_THAT(texts_of_elements("[ \n ]"), IsEmpty());
  EXPECT_THAT(texts_of_elements("{}"), IsEmpty());
}

TEST(FindMember, ComparesTheWholeKey) {
  const std::string_view text = R"({"hooks2":1,"hook":2,"hooks":3})";
  const std::optional<Member> found = find_member(text, whole_value(text), "hooks");
  ASSERT_TRUE(found);
  EXPECT_EQ(cut(text, found->value), "3");
  EXPECT_EQ(find_member(text, whole_value(text), "ooks"), std::nullopt);
}

TEST(FindMember, LooksAtTheTopOfTheObjectOnly) {
  const std::string_view text = R"({"a":{"hooks":1},"b":"hooks"})";
  EXPECT_EQ(find_member(text, whole_value(text), "hooks"), std::nullopt);
}

}  // namespace
}  // namespace gpuhook::formats
