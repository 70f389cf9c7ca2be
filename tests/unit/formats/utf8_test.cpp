// SPDX-License-Identifier: Apache-2.0
#include "formats/utf8.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace gpuhook::formats {
namespace {

TEST(IsUtf8, TakesTheFirstAndTheLastOfEveryLength) {
  for (const std::string_view text :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xec\xbf\xbf", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf",
        "a\xc3\xa9z"}) {
    EXPECT_TRUE(is_utf8(text)) << in_quotes(text);
  }
}

TEST(IsUtf8, RefusesWhatIsCutOffOverlongOrNoCharacter) {
  for (const std::string_view text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x7f", "\xc2\xc0", "\xe0\x9f\xbf",
        "\xe1\x80", "\xe1\x80\x7f", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf1\x80\x80",
        "\xf1\x80\x80\xc0", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xff",
        "\xc3\xa9\xc3"}) {
    EXPECT_FALSE(is_utf8(text)) << in_quotes(text);
  }
}

}  // namespace
}  // namespace gpuhook::formats
