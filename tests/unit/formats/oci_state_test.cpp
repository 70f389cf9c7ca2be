// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/gpuhook.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::captured;
using testing::captured_table;
using ::testing::EndsWith;
using testing::error_kind;
using testing::error_of;
using ::testing::HasSubstr;
using testing::value_of;

constexpr std::string_view kGood =
    R"({"ociVersion":"1.0.2","id":"c1","status":"creating","pid":4242,"bundle":"/run/c1"})";

std::string with_pid(std::string_view pid) {
  return concat(R"({"id":"c1","pid":)", pid, R"(,"bundle":"/run/c1"})");
}

std::string with_bundle(std::string_view bundle) {
  return concat(R"({"id":"c1","pid":4242,"bundle":)", bundle, "}");
}

TEST(ParseState, ReadsIdPidAndBundle) {
  EXPECT_EQ(value_of(parse_state(kGood)),
            (ContainerState{.id = "c1", .pid = 4242, .bundle = HostPath::literal("/run/c1")}));
}

TEST(ParseState, ReadsWhatEveryEngineWrites) {
  std::size_t usable = 0;
  for (const std::vector<std::string>& row : captured_table("engines/states.tsv")) {
    const Result<ContainerState> state = parse_state(captured("engines/" + row[0]));
    const auto pid = number<std::uint32_t>(row[2]);
    if (!pid || *pid < 2) continue;
    ++usable;
    EXPECT_EQ(value_of(state), (ContainerState{.id = row[1],
                                               .pid = *pid,
                                               .bundle = HostPath::literal(row[3]),
                                               .root = value_of(state).root}))
        << row[0];
    // Only crun tells the root directory, as config.json spells it.
    EXPECT_TRUE(!value_of(state).root || row[0].find("crun") != std::string::npos) << row[0];
  }
  EXPECT_EQ(usable, 167U);
}

TEST(ParseState, RefusesTheStatesOfStagesInsideTheContainerAndAfterIt) {
  std::size_t refused = 0;
  for (const std::vector<std::string>& row : captured_table("engines/states.tsv")) {
    if (row[2] != "0" && row[2] != "1" && row[2] != "-") continue;
    ++refused;
    const std::string error = error_of(parse_state(captured("engines/" + row[0])));
    EXPECT_THAT(error,
                row[2] == "-" ? HasSubstr("no \"pid\"") : HasSubstr("pid " + row[2] + " cannot"))
        << row[0];
  }
  EXPECT_EQ(refused, 112U);
}

TEST(ParseState, RefusesAStateCutOffAtAnyByte) {
  for (const std::string_view file :
       {"engines/docker20-gpus-all/01-nvidia-container-runtime-hook/stdin.json",
        "engines/crun18-hooks-all-six/01-hook-prestart/stdin.json"}) {
    const std::string text(trimmed(captured(file)));
    ASSERT_TRUE(parse_state(text)) << file;
    for (std::size_t size = 0; size < text.size(); ++size)
      ASSERT_EQ(error_kind(parse_state(text.substr(0, size))), "bad-input") << file << " " << size;
  }
}

TEST(ParseState, TakesPidsThatAProcessCanHave) {
  EXPECT_EQ(value_of(parse_state(with_pid("2"))).pid, 2);
  EXPECT_EQ(value_of(parse_state(with_pid("2147483647"))).pid, 2147483647);
}

TEST(ParseState, RefusesPidsThatNoContainerCanHaveOnTheHost) {
  for (const std::string_view pid : {"0", "1", "-1", "2147483648", "9223372036854775807",
                                     "-9223372036854775808", "-2147483647"}) {
    EXPECT_EQ(
        error_of(parse_state(with_pid(pid))),
        concat("reading the container state: pid ", pid,
               " cannot be a container's first process as the host sees it; register the hook "
               "at stage prestart or createRuntime"));
  }
}

TEST(ParseState, RefusesPidsThatAreNoIntegers) {
  for (const std::string_view pid :
       {"9223372036854775808", "1.5", "4242.0", "4e3", "\"12\"", "null", "true", "[4242]", "{}"}) {
    EXPECT_EQ(error_of(parse_state(with_pid(pid))),
              "reading the container state: \"pid\" is not an integer")
        << pid;
  }
}

TEST(ParseState, NeedsPidAndBundle) {
  EXPECT_EQ(error_of(parse_state(R"({"id":"c1","bundle":"/run/c1"})")),
            "reading the container state: no \"pid\"");
  EXPECT_EQ(error_of(parse_state(R"({"id":"c1","pid":4242})")),
            "reading the container state: no \"bundle\"");
}

TEST(ParseState, DoesWithoutAnId) {
  EXPECT_EQ(value_of(parse_state(R"({"pid":4242,"bundle":"/run/c1"})")).id, "");
}

TEST(ParseState, ReadsTheOlderNameOfTheBundle) {
  EXPECT_EQ(value_of(parse_state(R"({"pid":4242,"bundlePath":"/old"})")).bundle.text(), "/old");
  EXPECT_EQ(
      value_of(parse_state(R"({"pid":4242,"bundlePath":"/old","bundle":"/new"})")).bundle.text(),
      "/new");
}

TEST(ParseState, IsAtEaseWithOtherSpellings) {
  struct {
    std::string_view name, text;
  } const rows[] = {
      {"escaped slashes", R"({"id":"c1","pid":4242,"bundle":"\/run\/c1"})"},
      {"pretty", "{\n  \"id\": \"c1\",\n  \"pid\": 4242,\n  \"bundle\": \"/run/c1\"\n}\n"},
      {"members of one engine only",
       R"({"id":"c1","pid":4242,"root":"/x","created":null,"owner":{},"bundle":"/run/c1"})"},
      {"unfolded path", R"({"id":"c1","pid":4242,"bundle":"//run/./c1/"})"},
      {"hostile annotations",
       R"({"id":"c1","pid":4242,"annotations":{"PID":"1"},"bundle":"/run/c1"})"},
  };
  for (const auto& row : rows) {
    ContainerState state = value_of(parse_state(row.text));
    state.root.reset();
    EXPECT_EQ(state,
              (ContainerState{.id = "c1", .pid = 4242, .bundle = HostPath::literal("/run/c1")}))
        << row.name;
  }
}

TEST(ParseState, TakesTheRootWhereItIsAnAbsolutePath) {
  const auto root_of = [](std::string_view root) {
    return value_of(
               parse_state(concat(R"({"id":"c1","pid":4242,"bundle":"/","root":")", root, "\"}")))
        .root;
  };
  EXPECT_EQ(root_of("/var/c1/merged"), HostPath::literal("/var/c1/merged"));
  EXPECT_EQ(root_of("rootfs"), std::nullopt);
  EXPECT_EQ(root_of(""), std::nullopt);
  EXPECT_FALSE(parse_state(R"({"id":"c1","pid":4242,"bundle":"/","root":"/a/../b"})"));
  EXPECT_FALSE(parse_state(R"({"id":"c1","pid":4242,"bundle":"/","root":1})"));
}

TEST(ParseState, RefusesBundlesThatAreNoAbsolutePath) {
  for (const std::string_view bundle :
       {"\"\"", "\"run/c1\"", "\"/run/../c1\"", "\"/run\\u0000c1\"", "\".\""}) {
    EXPECT_THAT(error_of(parse_state(with_bundle(bundle))),
                HasSubstr("reading \"bundle\": not a usable absolute path"))
        << bundle;
  }
  EXPECT_THAT(error_of(parse_state(with_bundle("null"))), EndsWith("\"bundle\" is not a string"));
}

TEST(ParseState, RefusesWhatTwoReadersCouldTakeForDifferentStates) {
  struct {
    std::string_view name, text;
  } const rows[] = {
      {"pid twice", R"({"pid":4242,"pid":4243,"bundle":"/b"})"},
      {"bundle twice", R"({"pid":4242,"bundle":"/b","bundle":"/c"})"},
      {"case twin of pid", R"({"pid":4242,"Pid":4243,"bundle":"/b"})"},
      {"case twin alone", R"({"PID":4242,"bundle":"/b"})"},
      {"case twin of bundle", R"({"pid":4242,"bundle":"/b","Bundle":"/c"})"},
      {"two documents", R"({"pid":4242,"bundle":"/b"}{"pid":4243,"bundle":"/c"})"},
      {"trailing junk", R"({"pid":4242,"bundle":"/b"} x)"},
      {"byte order mark", "\xef\xbb\xbf{\"pid\":4242,\"bundle\":\"/b\"}"},
      {"list", R"([{"pid":4242,"bundle":"/b"}])"},
      {"null", "null"},
      {"empty", ""},
  };
  for (const auto& row : rows)
    EXPECT_EQ(error_kind(parse_state(row.text)), "bad-input") << row.name;
}

TEST(ParseState, RefusesAStateOfMoreThanOneMebibyte) {
  std::string text(kGood);
  text.resize(1U << 20U, ' ');
  EXPECT_TRUE(parse_state(text));
  EXPECT_THAT(error_of(parse_state(text + " ")), EndsWith("larger than 1048576 bytes"));
}

}  // namespace
}  // namespace gpuhook
