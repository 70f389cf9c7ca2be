// SPDX-License-Identifier: Apache-2.0
// What matters of a config.json to who edits it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "gpuhook/request.h"
#include "support/captured.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook {

namespace {

using testing::captured;
using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using testing::value_of;

// A configuration with these members behind what it must have.
std::string text_with(std::string_view members, std::string_view process = "{}") {
  return concat(R"({"process":)", process, R"(,"root":{"path":"r"},)", members, "}");
}
ContainerSpec spec_with(std::string_view members) {
  return value_of(parse_container_spec(text_with(members)));
}
ContainerSpec spec_with_process(std::string_view process) {
  return value_of(parse_container_spec(text_with(R"("a":0)", process)));
}

TEST(ParseContainerSpec, TellsBindsFromOtherMounts) {
  struct {
    std::string_view name, entry;
    SpecMount expected;
  } const rows[] = {
      {"by type",
       R"({"source":"/a","destination":"/b","type":"bind"})",
       {.source = "/a", .destination = "/b", .type = "bind", .is_bind = true}},
      {"by type and option",
       R"({"source":"/a","destination":"/b","type":"bind","options":["rbind","ro"]})",
       {.source = "/a", .destination = "/b", .type = "bind", .is_bind = true}},
      {"by option without type",
       R"({"source":"/a","destination":"/b","options":["nosuid","bind"]})",
       {.source = "/a", .destination = "/b", .type = "", .is_bind = true}},
      {"by recursive option",
       R"({"source":"/a","destination":"/b","options":["rbind"]})",
       {.source = "/a", .destination = "/b", .type = "", .is_bind = true}},
      {"by option in spite of the type",
       R"({"source":"/a","destination":"/b","type":"none","options":["rbind"]})",
       {.source = "/a", .destination = "/b", .type = "none", .is_bind = true}},
      {"another type",
       R"({"source":"tmpfs","destination":"/dev","type":"tmpfs"})",
       {.source = "tmpfs", .destination = "/dev", .type = "tmpfs", .is_bind = false}},
      {"options that mean no bind",
       R"({"source":"/a","destination":"/b","type":"xfs","options":["ro","Bind","unbindable"]})",
       {.source = "/a", .destination = "/b", .type = "xfs", .is_bind = false}},
      {"no type",
       R"({"destination":"/b"})",
       {.source = "", .destination = "/b", .type = "", .is_bind = false}},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(spec_with(concat(R"("mounts":[)", row.entry, "]")).mounts,
                ElementsAre(row.expected))
        << row.name;
  }
}

TEST(ParseContainerSpec, KeepsTheOrderOfMounts) {
  EXPECT_THAT(spec_with(R"("mounts":[{"destination":"/b"},{"destination":"/a"}])").mounts,
              ElementsAre(SpecMount{.source = "", .destination = "/b"},
                          SpecMount{.source = "", .destination = "/a"}));
}

TEST(ParseContainerSpec, ReadsAdditionalGroups) {
  EXPECT_THAT(
      spec_with_process(R"({"user":{"uid":1,"additionalGids":[44,0,4294967295]}})").additional_gids,
      ElementsAre(44, 0, 4294967295));
  for (const std::string_view process :
       {"{}", R"({"user":null})", R"({"user":{}})", R"({"user":{"additionalGids":null}})",
        R"({"user":{"additionalGids":[]}})"})
    EXPECT_THAT(spec_with_process(process).additional_gids, IsEmpty()) << process;
}

TEST(ParseContainerSpec, ReadsCharacterDevicesOnly) {
  EXPECT_THAT(spec_with(R"("linux":{"devices":[
                  {"path":"/dev/c","type":"c","major":195,"minor":255},
                  {"path":"/dev/b","type":"b","major":8,"minor":0},
                  {"path":"/dev/u","type":"u","major":510,"minor":4294967295},
                  {"path":"/dev/p","type":"p"},
                  {"path":"/dev/none","major":1,"minor":1}]})")
                  .devices,
              ElementsAre(SpecDevice{.path = "/dev/c", .number = {195, 255}},
                          SpecDevice{.path = "/dev/u", .number = {510, 4294967295}}));
}

TEST(ParseContainerSpec, TakesMissingNumbersOfADeviceForZero) {
  EXPECT_THAT(spec_with(R"("linux":{"devices":[{"type":"c"}]})").devices,
              ElementsAre(SpecDevice{.path = "", .number = {0, 0}}));
}

TEST(ParseContainerSpec, ReadsMappingsOfGroups) {
  EXPECT_THAT(spec_with(R"("linux":{
                  "uidMappings":[{"containerID":0,"hostID":7,"size":1}],
                  "gidMappings":[{"containerID":0,"hostID":1000,"size":1},
                                 {"containerID":1,"hostID":100000,"size":4294967295}]})")
                  .gid_mappings,
              ElementsAre(IdMapping{.container_id = 0, .host_id = 1000, .size = 1},
                          IdMapping{.container_id = 1, .host_id = 100000, .size = 4294967295}));
}

TEST(ParseContainerSpec, SeesAUserNamespaceWhereOneIsListed) {
  EXPECT_TRUE(
      spec_with(R"("linux":{"namespaces":[{"type":"pid"},{"type":"user"}]})").has_user_namespace);
  EXPECT_TRUE(spec_with(R"("linux":{"namespaces":[{"type":"user","path":"/proc/7/ns/user"}]})")
                  .has_user_namespace);
  for (const std::string_view members :
       {R"("linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]})", R"("linux":{})",
        R"("linux":{"gidMappings":[{"size":1}]})"})
    EXPECT_FALSE(spec_with(members).has_user_namespace) << members;
}

TEST(ParseContainerSpec, TakesAUserNamespaceForNoMountNamespace) {
  const ContainerSpec spec =
      spec_with(R"("linux":{"namespaces":[{"type":"user","path":"/proc/7/ns/user"}]})");
  EXPECT_FALSE(spec.has_mount_namespace);
  EXPECT_EQ(spec.joined_mount_namespace, "");
}

TEST(ParseContainerSpec, ReadsThePathsOfPrestartHooks) {
  EXPECT_THAT(spec_with(R"("hooks":{"prestart":[{"path":"/b"},{"args":["x"]},{"path":"/a"}],
                                    "createRuntime":[{"path":"/c"}]})")
                  .prestart_hooks,
              ElementsAre("/b", "", "/a"));
  for (const std::string_view members :
       {R"("hooks":null)", R"("hooks":{})", R"("hooks":{"prestart":null})",
        R"("hooks":{"prestart":[]})", R"("hooks":{"poststop":[{"path":"/c"}]})"})
    EXPECT_THAT(spec_with(members).prestart_hooks, IsEmpty()) << members;
}

TEST(ParseContainerSpec, ReadsAnnotationsByKey) {
  EXPECT_THAT(spec_with(R"("annotations":{"b":"2","a":"","c d":"\u0041"})").annotations,
              ElementsAre(Annotation{.key = "a", .value = ""}, Annotation{.key = "b", .value = "2"},
                          Annotation{.key = "c d", .value = "A"}));
  for (const std::string_view members : {R"("annotations":null)", R"("annotations":{})"})
    EXPECT_THAT(spec_with(members).annotations, IsEmpty()) << members;
}

TEST(ParseContainerSpec, RefusesPartsOfAnotherKind) {
  struct {
    std::string_view members, error;
  } const rows[] = {
      {R"("mounts":{})", "\"mounts\" is not a list"},
      {R"("mounts":["/a"])", "what should hold \"source\" is not an object"},
      {R"("mounts":[{"source":1}])", "\"source\" is not a string"},
      {R"("mounts":[{"destination":[]}])", "\"destination\" is not a string"},
      {R"("mounts":[{"type":1}])", "\"type\" is not a string"},
      {R"("mounts":[{"options":"bind"}])", "\"options\" is not a list of strings"},
      {R"("linux":[])", "what should hold \"namespaces\" is not an object"},
      {R"("linux":{"devices":{}})", "\"linux.devices\" is not a list"},
      {R"("linux":{"devices":[1]})", "what should hold \"type\" is not an object"},
      {R"("linux":{"devices":[{"type":1}]})", "\"type\" is not a string"},
      {R"("linux":{"devices":[{"type":"c","path":1}]})", "\"path\" is not a string"},
      {R"("linux":{"devices":[{"type":"c","major":"195"}]})", "\"major\" is not an integer"},
      {R"("linux":{"devices":[{"type":"c","minor":1.5}]})", "\"minor\" is not an integer"},
      {R"("linux":{"devices":[{"type":"c","major":-1}]})", "\"major\" is out of range"},
      {R"("linux":{"devices":[{"type":"c","minor":4294967296}]})", "\"minor\" is out of range"},
      {R"("linux":{"gidMappings":{}})", "\"linux.gidMappings\" is not a list"},
      {R"("linux":{"gidMappings":[0]})", "what should hold \"containerID\" is not an object"},
      {R"("linux":{"gidMappings":[{"containerID":-1}]})", "\"containerID\" is out of range"},
      {R"("linux":{"gidMappings":[{"hostID":4294967296}]})", "\"hostID\" is out of range"},
      {R"("linux":{"gidMappings":[{"size":"1"}]})", "\"size\" is not an integer"},
      {R"("hooks":{"prestart":["/a"]})", "what should hold \"path\" is not an object"},
      {R"("hooks":{"prestart":[{"path":1}]})", "\"path\" is not a string"},
      {R"("annotations":[])", "\"annotations\" is not an object"},
      {R"("annotations":{"a":"1","b":2})", "annotation \"b\" is not a string"},
  };
  for (const auto& row : rows) {
    const auto refused = parse_container_spec(text_with(row.members));
    EXPECT_EQ(error_of(refused), concat("reading config.json: ", row.error)) << row.members;
    EXPECT_EQ(error_kind(refused), "bad-input") << row.members;
  }
}

TEST(ParseContainerSpec, RefusesGroupsThatAreNoIds) {
  for (const std::string_view list :
       {"44", "{}", R"(["44"])", "[44,-1]", "[4294967296]", "[1.0]", "[null]", "[[44]]"}) {
    EXPECT_EQ(error_of(parse_container_spec(
                  text_with(R"("a":0)", concat(R"({"user":{"additionalGids":)", list, "}}")))),
              "reading config.json: \"additionalGids\" is not a list of ids")
        << list;
  }
}

TEST(ParseContainerSpec, RefusesCaseTwinsOfWhatAnEditorReads) {
  for (const std::string_view members :
       {R"("Mounts":[])", R"("mounts":[{"Destination":"/b"}])", R"("mounts":[{"Options":[]}])",
        R"("linux":{"Devices":[]})", R"("linux":{"devices":[{"Type":"c"}]})",
        R"("linux":{"devices":[{"type":"c","Major":1}]})", R"("linux":{"gidmappings":[]})",
        R"("linux":{"gidMappings":[{"hostid":1}]})", R"("Hooks":{})", R"("hooks":{"preStart":[]})",
        R"("Annotations":{})"})
    EXPECT_EQ(error_kind(parse_container_spec(text_with(members))), "bad-input") << members;
  for (const std::string_view process : {R"({"User":{}})", R"({"user":{"additionalgids":[]}})"})
    EXPECT_EQ(error_kind(parse_container_spec(text_with(R"("a":0)", process))), "bad-input")
        << process;
}

TEST(ParseContainerSpec, ReadsTheDevicesThatAnEngineGaveByCdi) {
  const ContainerSpec spec =
      value_of(parse_container_spec(captured("engines/docker28-cdi-all/config.json")));
  EXPECT_THAT(spec.devices, ElementsAre(SpecDevice{.path = "/dev/nvidiactl", .number = {195, 255}},
                                        SpecDevice{.path = "/dev/nvidia-uvm", .number = {510, 0}},
                                        SpecDevice{.path = "/dev/nvidia0", .number = {195, 0}},
                                        SpecDevice{.path = "/dev/nvidia1", .number = {195, 1}}));
  EXPECT_THAT(spec.additional_gids, ElementsAre(0));
  ASSERT_EQ(spec.mounts.size(), 11U);
  EXPECT_EQ(spec.mounts[7],
            (SpecMount{.source = "/usr/lib/nvsim/libcuda.so.550.163.01",
                       .destination = "/usr/lib/x86_64-linux-gnu/libcuda.so.550.163.01",
                       .type = "",
                       .is_bind = true}));
}

}  // namespace
}  // namespace gpuhook
