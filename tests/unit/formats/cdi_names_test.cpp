// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"
#include "formats/cdi_rules.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::error_kind;
using testing::error_of;
using testing::value_of;

const std::string kLong253(253, 'v');
const std::string kLong63(63, 'c');

TEST(ParseCdiName, ReadsVendorClassAndDevice) {
  EXPECT_EQ(value_of(parse_cdi_name("nvidia.com/gpu=0:1")),
            (CdiName{.vendor = "nvidia.com", .cls = "gpu", .device = "0:1"}));
}

TEST(IsQualifiedCdiName, KnowsTheRulesOfEachPart) {
  const std::string longest = concat(kLong253, "/", kLong63, "=", std::string(500, 'd'));
  for (const std::string_view name :
       {"vendor.com/class=device", "v/c=d", "V/C=D", "v-_.1/c-_.1=d-_.:1", "vendor/class=0",
        "nvidia.com/gpu=GPU-1f6b-", "nvidia.com/gpu=all", "a..b/c=d", "my_vendor/c=d", "v/c=0:0"}) {
    EXPECT_EQ(is_qualified_cdi_name(name), name != "nvidia.com/gpu=GPU-1f6b-") << name;
  }
  EXPECT_TRUE(is_qualified_cdi_name(longest));
}

TEST(IsQualifiedCdiName, RefusesWhatBreaksARule) {
  for (const std::string_view name : {"",
                                      "/",
                                      "=",
                                      "/=",
                                      "v",
                                      "v/c",
                                      "v=d",
                                      "/c=d",
                                      "v/=d",
                                      "v/c=",
                                      "/dev/nvidia0",
                                      "/v/c=d",
                                      "v/c/c=d",
                                      "1v/c=d",
                                      "v/1c=d",
                                      "-v/c=d",
                                      "v-/c=d",
                                      "v/-c=d",
                                      "v/c-=d",
                                      "v/c.=d",
                                      ".v/c=d",
                                      "v/c=-d",
                                      "v/c=d-",
                                      "v/c=:d",
                                      "v/c=d:",
                                      "v/c=d d",
                                      "v v/c=d",
                                      "v/c c=d",
                                      "v/c=d=e",
                                      "v/c=d/e",
                                      "v:1/c=d",
                                      "v/c:1=d",
                                      "v/c=\xc3\xa9",
                                      "\xc3\xa9/c=d",
                                      "v/c=d\n",
                                      "v/c= d"}) {
    EXPECT_FALSE(is_qualified_cdi_name(name)) << in_quotes(name);
    EXPECT_EQ(error_kind(parse_cdi_name(name)), "bad-input") << in_quotes(name);
  }
}

TEST(ParseCdiName, LimitsVendorAndClass) {
  EXPECT_TRUE(parse_cdi_name(concat(kLong253, "/c=d")));
  EXPECT_FALSE(parse_cdi_name(concat(kLong253, "v/c=d")));
  EXPECT_TRUE(parse_cdi_name(concat("v/", kLong63, "=d")));
  EXPECT_FALSE(parse_cdi_name(concat("v/", kLong63, "c=d")));
}

TEST(ParseCdiName, NamesThePartAndTheRule) {
  EXPECT_EQ(error_of(parse_cdi_name("/dev/nvidia0")),
            "\"/dev/nvidia0\" is no full name of a device; it has the form vendor/class=device");
  EXPECT_EQ(error_of(parse_cdi_name("a=b")), "\"a\" is no kind: no \"/\"");
  EXPECT_EQ(
      error_of(parse_cdi_name("1/c=d")),
      "\"1\" is no name of a vendor; it begins with a letter, ends with a letter or digit, has "
      "letters, digits, \"-\", \"_\" and \".\" between, and at most 253 bytes");
  EXPECT_EQ(
      error_of(parse_cdi_name("v/1=d")),
      "\"1\" is no name of a class; it begins with a letter, ends with a letter or digit, has "
      "letters, digits, \"-\", \"_\" and \".\" between, and at most 63 bytes");
  EXPECT_EQ(error_of(parse_cdi_name("v/c=-")),
            "\"-\" is no name of a device; it begins and ends with a letter or digit and has "
            "letters, digits, \"-\", \"_\", \".\" and \":\" between");
}

TEST(CheckCdiAnnotations, TakesKeysAsKubernetesHasThem) {
  const std::string longest = concat(std::string(63, 'a'), ".", std::string(63, 'a'), ".",
                                     std::string(63, 'a'), ".", std::string(61, 'a'));
  for (const std::string& key :
       {std::string("a"), std::string("A"), std::string("a-_.b"), std::string("1"),
        std::string("cdi.k8s.io/x"), std::string("EXAMPLE.com/X"), std::string("a-b.c/D_e"),
        kLong63, longest + "/a"}) {
    EXPECT_TRUE(formats::check_cdi_annotations({{key, "v"}})) << key;
  }
  for (const std::string& key :
       {std::string(), std::string("-a"), std::string("a-"), std::string("a b"),
        std::string("a/b/c"), std::string("/a"), std::string("a/"), std::string("a_b/c"),
        std::string("a..b/c"), std::string("-a/c"), std::string("a-/c"), std::string(".a/c"),
        std::string("<<"), kLong63 + "c", longest + "a/a", kLong63 + "c/a"}) {
    EXPECT_EQ(error_of(formats::check_cdi_annotations({{key, "v"}})),
              concat(in_quotes(key), " is no key of an annotation"));
  }
}

TEST(CheckCdiAnnotations, Takes256KibibytesAndNoMore) {
  const std::string value((std::size_t{256} << 10U) - 3, 'v');
  EXPECT_TRUE(formats::check_cdi_annotations({{"a", value}, {"b", "w"}}));
  EXPECT_EQ(error_of(formats::check_cdi_annotations({{"a", value}, {"b", "ww"}})),
            "annotations of more than 262144 bytes");
}

}  // namespace
}  // namespace gpuhook
