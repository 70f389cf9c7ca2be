// SPDX-License-Identifier: Apache-2.0
#include "engines/marked_text.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "support/results.h"

namespace gpuhook::engines {
namespace {

using testing::error_of;
using testing::value_of;

const Block kReplacesSecond{.first = 1, .last = 2, .indent = "  ", .lines = {"new"}};

TEST(MarkedText, KeepsReplacedLinesAsComments) {
  const std::string marked = with_blocks("one\n  two # 2\nthree\n", {kReplacesSecond}, false);
  EXPECT_EQ(marked,
            "one\n  # begin gpu-hook\n  # gpu-hook replaced:   two # 2\n  new\n"
            "  # end gpu-hook\nthree\n");
  EXPECT_EQ(value_of(without_blocks(marked)).text, "one\n  two # 2\nthree\n");
}

TEST(MarkedText, WritesLineEndsOfTheFirstLine) {
  EXPECT_EQ(with_blocks("one\r\ntwo\n", {kReplacesSecond}, false),
            "one\r\n  # begin gpu-hook\r\n  # gpu-hook replaced: two\n  new\r\n"
            "  # end gpu-hook\r\n");
}

TEST(MarkedText, RemembersThatALastLineHadNoEnd) {
  for (const std::string before : {"one", "one\ntwo", "one\r\ntwo", "one\n\n two\r"}) {
    const std::size_t count = whole_lines(before).size();
    for (std::size_t first = 0; first <= count; ++first) {
      for (std::size_t last = first; last <= count; ++last) {
        const std::string marked = with_blocks(
            before, {{.first = first, .last = last, .indent = "", .lines = {"x"}}}, false);
        EXPECT_EQ(value_of(without_blocks(marked)).text, before) << first << " to " << last;
      }
    }
  }
}

TEST(MarkedText, LetsLinesOfOthersFollowALastLineThatHadNoEnd) {
  const std::string marked =
      with_blocks("one", {{.first = 1, .last = 1, .indent = "", .lines = {"x"}}}, false);
  EXPECT_EQ(marked, "one\n# begin gpu-hook, no line end before\nx\n# end gpu-hook\n");
  EXPECT_EQ(value_of(without_blocks(marked + "two\n")).text, "one\ntwo\n");
}

TEST(MarkedText, RemembersThatThereWasNoFile) {
  const std::string marked =
      with_blocks("", {{.first = 0, .last = 0, .indent = "", .lines = {"x"}}}, true);
  EXPECT_EQ(marked, "# begin gpu-hook, new file\nx\n# end gpu-hook\n");
  EXPECT_TRUE(value_of(without_blocks(marked)).new_file);
  EXPECT_FALSE(value_of(without_blocks("x\n")).new_file);
}

TEST(MarkedText, RefusesMarksThatDoNotFit) {
  EXPECT_EQ(error_of(without_blocks("a\n# begin gpu-hook\nb\n")),
            "line 2: no \"# end gpu-hook\" follows; take out by hand what gpu-hook wrote there");
  EXPECT_EQ(error_of(without_blocks("# begin gpu-hook\n# begin gpu-hook\n# end gpu-hook\n")),
            "line 1: no \"# end gpu-hook\" follows; take out by hand what gpu-hook wrote there");
  EXPECT_EQ(error_of(without_blocks("a\n  # end gpu-hook\n")),
            "line 2: \"# end gpu-hook\" without a beginning; "
            "take out by hand what gpu-hook wrote there");
}

TEST(MarkedText, TakesOtherCommentsForNoMarks) {
  for (const std::string text : {"# begin gpu-hook or not\n", "#begin gpu-hook\n",
                                 "x # end gpu-hook\n", "# gpu-hook replaced: nothing\n"})
    EXPECT_EQ(value_of(without_blocks(text)).text, text);
}

}  // namespace
}  // namespace gpuhook::engines
