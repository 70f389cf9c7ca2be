// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "gpuhook/gpuhook.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using nlohmann::json;
using testing::captured;
using testing::captured_configs;
using testing::error_kind;
using testing::error_of;
using testing::value_of;

const HostPath kHook = HostPath::literal("/usr/bin/gpu-hook");
// The entry that is written.
const std::string kEntry =
    R"({"path":"/usr/bin/gpu-hook","args":["gpu-hook","prestart"],"env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]})";

std::string added(std::string_view config) { return value_of(add_prestart_hook(config, kHook)); }
std::string removed(std::string_view config) {
  return value_of(remove_prestart_hook(config, kHook));
}

// A configuration around what stands for the hooks.
std::string with_hooks(std::string_view hooks) {
  return concat(R"({"ociVersion":"1.0.2",)", hooks, R"("root":{"path":"rootfs"}})");
}

TEST(AddPrestartHook, WritesWhereTheHooksAre) {
  struct {
    std::string_view name, before, after;
  } const rows[] = {
      {"no hooks", R"({"a":1})", R"({"a":1,"hooks": {"prestart": [HOOK]}})"},
      {"empty object", "{}", R"({"hooks": {"prestart": [HOOK]}})"},
      {"null hooks", R"({"hooks":null,"a":1})", R"({"hooks":{"prestart": [HOOK]},"a":1})"},
      {"empty hooks", R"({"hooks":{},"a":1})", R"({"hooks":{"prestart": [HOOK]},"a":1})"},
      {"hooks of other stages", R"({"hooks":{"poststop":[{"path":"/x"}]}})",
       R"({"hooks":{"poststop":[{"path":"/x"}],"prestart": [HOOK]}})"},
      {"null prestart", R"({"hooks":{"prestart":null,"poststop":[]}})",
       R"({"hooks":{"prestart":[HOOK],"poststop":[]}})"},
      {"empty prestart", R"({"hooks":{"prestart":[]}})", R"({"hooks":{"prestart":[HOOK]}})"},
      {"blank prestart", R"({"hooks":{"prestart":[ ]}})", R"({"hooks":{"prestart":[HOOK ]}})"},
      {"other prestart hook", R"({"hooks":{"prestart":[{"path":"/x"}]}})",
       R"({"hooks":{"prestart":[{"path":"/x"},HOOK]}})"},
      {"strings that look like hooks",
       R"({"x":"\"hooks\":{","hooks":{"prestart":[{"path":"]}"}]}})",
       R"({"x":"\"hooks\":{","hooks":{"prestart":[{"path":"]}"},HOOK]}})"},
      {"hooks deeper down", R"({"linux":{"hooks":{"prestart":[]}}})",
       R"({"linux":{"hooks":{"prestart":[]}},"hooks": {"prestart": [HOOK]}})"},
  };
  for (const auto& row : rows) {
    std::string expected(row.after);
    expected.replace(expected.find("HOOK"), 4, kEntry);
    EXPECT_EQ(added(row.before), expected) << row.name;
    EXPECT_EQ(added(expected), expected) << row.name << ", the second time";
  }
}

TEST(AddPrestartHook, WritesInTheStyleOfItsNeighbours) {
  EXPECT_EQ(
      added("{\n    \"a\": 1,\n    \"b\": 2\n}\n"),
      "{\n    \"a\": 1,\n    \"b\": 2,\n    \"hooks\": {\"prestart\": [" + kEntry + "]}\n}\n");
  EXPECT_EQ(added("{\n  \"hooks\": {\n    \"prestart\": [\n      {\n        \"path\": \"/x\"\n     "
                  " }\n    ]\n  }\n}"),
            "{\n  \"hooks\": {\n    \"prestart\": [\n      {\n        \"path\": \"/x\"\n      },\n "
            "     " +
                kEntry + "\n    ]\n  }\n}");
}

TEST(AddPrestartHook, RenewsAnOlderEntryOfItsOwn) {
  EXPECT_EQ(
      added(
          R"({"hooks":{"prestart":[{"path":"/a"},{"env":[],"path":"\/usr\/bin\/gpu-hook"},{"path":"/b"}]}})"),
      R"({"hooks":{"prestart":[{"path":"/a"},)" + kEntry + R"(,{"path":"/b"}]}})");
}

TEST(AddPrestartHook, IsNotDeceivedByOtherPaths) {
  for (const std::string_view entry :
       {R"({"path":"/usr/bin/gpu-hook2"})", R"({"path":"usr/bin/gpu-hook"})",
        R"({"args":["/usr/bin/gpu-hook"]})", R"({"path":["/usr/bin/gpu-hook"]})",
        R"("/usr/bin/gpu-hook")", "null", "1"}) {
    EXPECT_EQ(added(with_hooks(concat(R"("hooks":{"prestart":[)", entry, "]},"))),
              with_hooks(concat(R"("hooks":{"prestart":[)", entry, ",", kEntry, "]},")));
  }
}

TEST(AddPrestartHook, QuotesThePathOfTheHook) {
  const std::string after = value_of(add_prestart_hook("{}", HostPath::literal("/a \"b\\\n/c")));
  EXPECT_EQ(json::parse(after)["hooks"]["prestart"][0]["path"], "/a \"b\\\n/c");
  EXPECT_EQ(json::parse(after)["hooks"]["prestart"][0]["args"][0], "c");
}

TEST(AddPrestartHook, RefusesWhatIsNoConfiguration) {
  struct {
    std::string_view config, error;
  } const rows[] = {
      {"[]", "the document is not an object"},
      {"null", "the document is not an object"},
      {R"({"hooks":[]})", "\"hooks\" is not an object"},
      {R"({"hooks":"x"})", "\"hooks\" is not an object"},
      {R"({"hooks":{"prestart":{}}})", "\"prestart\" is not a list"},
      {R"({"hooks":{"prestart":"x"}})", "\"prestart\" is not a list"},
      {R"({"Hooks":{}})", "key \"Hooks\" differs from \"hooks\" in case only"},
      {R"({"hooks":{"preStart":[]}})", "key \"preStart\" differs from \"prestart\" in case only"},
      {R"({"hooks":{},"hooks":{}})", "not JSON: key \"hooks\" appears twice in one object"},
      {"", "not JSON: malformed at byte 1"},
      {"{", "not JSON: malformed at byte 2"},
      {"{}{}", "not JSON: malformed at byte 3"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_of(add_prestart_hook(row.config, kHook)),
              concat("reading config.json: ", row.error))
        << row.config;
    EXPECT_EQ(error_kind(remove_prestart_hook(row.config, kHook)), "bad-input") << row.config;
  }
}

TEST(AddPrestartHook, AddsOneEntryToEveryEnginesConfiguration) {
  for (const std::string& file : captured_configs()) {
    const std::string before = captured(file);
    const std::string after = added(before);
    json expected = json::parse(before);
    expected["hooks"]["prestart"].push_back(json::parse(kEntry));
    EXPECT_EQ(json::parse(after), expected) << file;
    EXPECT_TRUE(parse_container_spec(after)) << file;
  }
}

TEST(AddPrestartHook, KeepsEveryByteOfEveryEnginesConfiguration) {
  for (const std::string& file : captured_configs()) {
    const std::string before = captured(file);
    const std::string after = added(before);
    ASSERT_GT(after.size(), before.size()) << file;
    std::size_t same = 0;
    while (same < before.size() && before[same] == after[same]) ++same;
    EXPECT_EQ(before.substr(same), after.substr(after.size() - (before.size() - same))) << file;
  }
}

TEST(AddPrestartHook, ChangesNothingTheSecondTime) {
  for (const std::string& file : captured_configs()) {
    const std::string once = added(captured(file));
    EXPECT_EQ(added(once), once) << file;
  }
}

TEST(RemovePrestartHook, GivesTheOriginalBack) {
  for (const std::string& file : captured_configs()) {
    const std::string before = captured(file);
    EXPECT_EQ(removed(added(before)), before) << file;
  }
}

TEST(RemovePrestartHook, GivesTheOriginalBackInEveryStyle) {
  for (const std::string_view before :
       {"{}", R"({"a":1})", "{ }", "{\n\t\"a\": 1\n}\n", "{\"hooks\":{\"poststop\":[]}}",
        R"({"hooks":{"prestart":[{"path":"/x"}]}})",
        "{\n  \"hooks\": {\n    \"prestart\": [\n      {\n        \"path\": \"/x\"\n      }\n    "
        "]\n  }\n}"}) {
    EXPECT_EQ(removed(added(before)), before) << before;
  }
}

TEST(RemovePrestartHook, TakesTheHookOutWhereverItStands) {
  struct {
    std::string_view name, before, after;
  } const rows[] = {
      {"first", R"({"hooks":{"prestart":[HOOK,{"path":"/x"}]}})",
       R"({"hooks":{"prestart":[{"path":"/x"}]}})"},
      {"last", R"({"hooks":{"prestart":[{"path":"/x"}, HOOK]}})",
       R"({"hooks":{"prestart":[{"path":"/x"}]}})"},
      {"middle", R"({"hooks":{"prestart":[{"path":"/x"}, HOOK, {"path":"/y"}]}})",
       R"({"hooks":{"prestart":[{"path":"/x"}, {"path":"/y"}]}})"},
      {"alone among stages", R"({"hooks":{"prestart":[HOOK],"poststop":[]}})",
       R"({"hooks":{"poststop":[]}})"},
      {"alone behind a stage", R"({"hooks":{"poststop":[], "prestart":[HOOK]}})",
       R"({"hooks":{"poststop":[]}})"},
      {"alone", R"({"a":1,"hooks":{"prestart":[HOOK]},"b":2})", R"({"a":1,"b":2})"},
      {"alone in everything", R"({"hooks":{"prestart":[HOOK]}})", "{}"},
  };
  for (const auto& row : rows) {
    std::string before(row.before);
    before.replace(before.find("HOOK"), 4, kEntry);
    EXPECT_EQ(removed(before), row.after) << row.name;
  }
}

TEST(RemovePrestartHook, ChangesNothingWithoutTheHook) {
  for (const std::string_view config :
       {"{}", R"({"hooks":null})", R"({"hooks":{}})", R"({"hooks":{"prestart":null}})",
        R"({"hooks":{"prestart":[]}})", R"({"hooks":{"prestart":[{"path":"/x"}]}})",
        R"({"hooks":{"poststop":[{"path":"/usr/bin/gpu-hook"}]}})"}) {
    EXPECT_EQ(removed(config), config);
  }
}

TEST(RemovePrestartHook, ChangesNothingInAnyEnginesConfiguration) {
  for (const std::string& file : captured_configs())
    EXPECT_EQ(removed(captured(file)), captured(file)) << file;
}

}  // namespace
}  // namespace gpuhook
