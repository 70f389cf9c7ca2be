// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/request.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::captured;
using testing::captured_table;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using testing::value_of;

// The last value of a variable, "-" when it is not set.
std::string last_of(const ContainerSpec& spec, const std::string& name) {
  std::string value = "-";
  for (const std::string& entry : spec.env) {
    if (entry.starts_with(name + "=")) value = entry.substr(name.size() + 1);
  }
  return value;
}

std::string spec_text(std::string_view process, std::string_view rest = "") {
  return concat(R"({"ociVersion":"1.0.2","process":)", process, R"(,"root":{"path":"rootfs"})",
                rest, "}");
}

TEST(ParseContainerSpec, ReadsWhatMattersHere) {
  const std::string text = spec_text(
      R"({"env":["A=1","B=2"],"capabilities":{"bounding":["CAP_KILL"],"effective":["CAP_SYS_ADMIN"]}})",
      R"(,"linux":{"namespaces":[{"type":"pid"},{"type":"mount","path":"/proc/7/ns/mnt"}]})");
  EXPECT_EQ(value_of(parse_container_spec(text)),
            (ContainerSpec{.oci_version = "1.0.2",
                           .env = {"A=1", "B=2"},
                           .bounding = {"CAP_KILL"},
                           .root_path = "rootfs",
                           .has_mount_namespace = true,
                           .joined_mount_namespace = "/proc/7/ns/mnt"}));
}

TEST(ParseContainerSpec, ReadsWhatEveryEngineWrites) {
  const auto rows = captured_table("engines/specs.tsv");
  for (const std::vector<std::string>& row : rows) {
    SCOPED_TRACE(row[0]);
    const ContainerSpec spec = value_of(parse_container_spec(captured("engines/" + row[0])));
    EXPECT_EQ(spec.oci_version, row[1]);
    EXPECT_EQ(spec.root_path, row[2]);
    EXPECT_EQ(std::to_string(spec.env.size()), row[3]);
    EXPECT_EQ(std::to_string(spec.bounding.size()), row[4]);
    EXPECT_EQ(spec.has_mount_namespace, row[5] != "-");
    EXPECT_EQ(spec.joined_mount_namespace, row[5] == "own" || row[5] == "-" ? "" : row[5]);
    EXPECT_EQ(last_of(spec, "NVIDIA_VISIBLE_DEVICES"), row[6]);
    EXPECT_EQ(last_of(spec, "NVIDIA_DRIVER_CAPABILITIES"), row[7]);
  }
  EXPECT_EQ(rows.size(), 125U);
}

TEST(ParseContainerSpec, KeepsTheOrderOfTheEnvironmentAndItsRepetitions) {
  EXPECT_THAT(
      value_of(parse_container_spec(spec_text(R"({"env":["B=2","A=1","B=3","","=","x"]})"))).env,
      ElementsAre("B=2", "A=1", "B=3", "", "=", "x"));
}

TEST(ParseContainerSpec, TakesMissingAndNullPartsForEmpty) {
  for (const std::string_view process :
       {"{}", R"({"env":null,"capabilities":null})", R"({"env":[],"capabilities":{}})",
        R"({"capabilities":{"bounding":null}})"}) {
    const ContainerSpec spec = value_of(parse_container_spec(spec_text(process)));
    EXPECT_THAT(spec.env, IsEmpty()) << process;
    EXPECT_THAT(spec.bounding, IsEmpty()) << process;
  }
}

TEST(ParseContainerSpec, ReadsTheFlatCapabilityListOfOldSpecifications) {
  EXPECT_THAT(
      value_of(parse_container_spec(spec_text(R"({"capabilities":["CAP_SYS_ADMIN"]})"))).bounding,
      ElementsAre("CAP_SYS_ADMIN"));
}

TEST(ParseContainerSpec, FindsNoMountNamespaceWhereNoneIsListed) {
  for (const std::string_view rest :
       {"", R"(,"linux":null)", R"(,"linux":{})", R"(,"linux":{"namespaces":null})",
        R"(,"linux":{"namespaces":[{"type":"pid"}]})",
        R"(,"linux":{"namespaces":[{"path":"/x"}]})"}) {
    EXPECT_FALSE(value_of(parse_container_spec(spec_text("{}", rest))).has_mount_namespace) << rest;
  }
}

TEST(ParseContainerSpec, TellsAnOwnMountNamespaceFromAJoinedOne) {
  const ContainerSpec own = value_of(
      parse_container_spec(spec_text("{}", R"(,"linux":{"namespaces":[{"type":"mount"}]})")));
  EXPECT_TRUE(own.has_mount_namespace);
  EXPECT_EQ(own.joined_mount_namespace, "");
}

TEST(ParseContainerSpec, RefusesWhatIsNoUsableConfiguration) {
  struct {
    std::string_view name, text, error;
  } const rows[] = {
      {"no process", R"({"root":{"path":"r"}})", "no \"process\""},
      {"null process", R"({"process":null,"root":{"path":"r"}})",
       "what should hold \"env\" is not an object"},
      {"no root", R"({"process":{}})", "no \"root\""},
      {"no root path", R"({"process":{},"root":{}})", "no \"root.path\""},
      {"empty root path", R"({"process":{},"root":{"path":""}})", "no \"root.path\""},
      {"NUL in the root path", R"({"process":{},"root":{"path":"a\u0000b"}})",
       "\"root.path\" contains a NUL byte"},
      {"root path of another type", R"({"process":{},"root":{"path":1}})",
       "\"path\" is not a string"},
      {"version of another type", R"({"ociVersion":1,"process":{},"root":{"path":"r"}})",
       "\"ociVersion\" is not a string"},
      {"env of another type", R"({"process":{"env":{"A":"1"}},"root":{"path":"r"}})",
       "\"env\" is not a list of strings"},
      {"number in env", R"({"process":{"env":["A=1",2]},"root":{"path":"r"}})",
       "\"env\" is not a list of strings"},
      {"capabilities of another type", R"({"process":{"capabilities":"all"},"root":{"path":"r"}})",
       "what should hold \"bounding\" is not an object"},
      {"bounding of another type",
       R"({"process":{"capabilities":{"bounding":"CAP_SYS_ADMIN"}},"root":{"path":"r"}})",
       "\"bounding\" is not a list of strings"},
      {"namespaces of another type",
       R"({"process":{},"root":{"path":"r"},"linux":{"namespaces":{}}})",
       "\"linux.namespaces\" is not a list"},
      {"namespace of another type",
       R"({"process":{},"root":{"path":"r"},"linux":{"namespaces":["mount"]}})",
       "what should hold \"type\" is not an object"},
      {"list", "[]", "what should hold \"ociVersion\" is not an object"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_of(parse_container_spec(row.text)), concat("reading config.json: ", row.error))
        << row.name;
  }
}

TEST(ParseContainerSpec, RefusesWhatTwoReadersCouldTakeForDifferentConfigurations) {
  struct {
    std::string_view name, text;
  } const rows[] = {
      {"process twice", R"({"process":{},"process":{},"root":{"path":"r"}})"},
      {"env twice", R"({"process":{"env":[],"env":["A=1"]},"root":{"path":"r"}})"},
      {"root twice", R"({"process":{},"root":{"path":"r"},"root":{"path":"s"}})"},
      {"case twin of process", R"({"process":{},"Process":{},"root":{"path":"r"}})"},
      {"case twin of env", R"({"process":{"Env":[]},"root":{"path":"r"}})"},
      {"case twin of path", R"({"process":{},"root":{"path":"r","PATH":"s"}})"},
      {"case twin of linux", R"({"process":{},"root":{"path":"r"},"Linux":{}})"},
      {"case twin of bounding",
       R"({"process":{"capabilities":{"Bounding":["CAP_SYS_ADMIN"]}},"root":{"path":"r"}})"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(error_kind(parse_container_spec(row.text)), "bad-input") << row.name;
}

TEST(ParseContainerSpec, Takes65536EnvironmentEntriesAndNoMore) {
  const auto with_entries = [](std::size_t count) {
    std::string list = "\"A=1\"";
    for (std::size_t i = 1; i < count; ++i) list += ",\"A=1\"";
    return spec_text(concat("{\"env\":[", list, "]}"));
  };
  EXPECT_EQ(value_of(parse_container_spec(with_entries(65536))).env.size(), 65536U);
  EXPECT_THAT(error_of(parse_container_spec(with_entries(65537))),
              EndsWith("more than 65536 environment entries"));
}

TEST(ParseContainerSpec, TakesSixteenMebibytesAndNoMore) {
  std::string text = spec_text("{}");
  text.resize(16U << 20U, ' ');
  EXPECT_TRUE(parse_container_spec(text));
  EXPECT_THAT(error_of(parse_container_spec(text + " ")), EndsWith("larger than 16777216 bytes"));
}

TEST(ParseContainerSpec, RefusesAConfigurationCutOffAnywhere) {
  const std::string text(trimmed(captured("engines/crun18-hooks-all-six/config.json")));
  ASSERT_TRUE(parse_container_spec(text));
  for (std::size_t size = 0; size < text.size(); ++size)
    ASSERT_EQ(error_kind(parse_container_spec(text.substr(0, size))), "bad-input") << size;
}

}  // namespace
}  // namespace gpuhook
