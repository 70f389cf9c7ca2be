// SPDX-License-Identifier: Apache-2.0
#include "render/oci_pieces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "support/every_op.h"
#include "support/printers.h"
#include "support/results.h"

namespace gpuhook::render {
namespace {

using ::testing::ElementsAre;
using testing::error_kind;
using testing::error_of;
using ::testing::IsEmpty;
using testing::plan_of_every_kind;
using testing::value_of;

SpecEdit edit_of(std::vector<PlannedOp> ops) {
  SpecEdit edit;
  edit.plan.ops = std::move(ops);
  return edit;
}

BindDevice node(const std::string& path, NodeAccess access = {}) {
  return {.source = HostPath::literal(path),
          .target = ContainerPath::literal(path),
          .number = {226, 128},
          .access = access};
}

BindFile file(const std::string& path) {
  return {.source = HostPath::literal(path), .target = ContainerPath::literal(path)};
}

TEST(OciPieces, HaveEachOpInItsPlace) {
  const OciPieces pieces = value_of(oci_pieces({}, {.plan = plan_of_every_kind()}));
  EXPECT_THAT(pieces.rules, ElementsAre(R"({"allow":true,"type":"c","major":195,"minor":255,)"
                                        R"("access":"rw"})"));
  EXPECT_THAT(pieces.devices,
              ElementsAre(R"({"path":"/dev/nvidiactl","type":"c","major":195,"minor":255,)"
                          R"("fileMode":438,"uid":0,"gid":0})"));
  EXPECT_THAT(pieces.paths, ElementsAre("/dev/nvidiactl"));
  EXPECT_THAT(
      pieces.mounts,
      ElementsAre(R"({"destination":"/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15",)"
                  R"("type":"bind","source":"/usr/lib64/libcuda.so.550.54.15",)"
                  R"("options":["ro","nosuid","nodev","bind","rprivate"]})",
                  R"({"destination":"/run/nvidia-persistenced/socket","type":"bind",)"
                  R"("source":"/run/nvidia-persistenced/socket",)"
                  R"("options":["ro","nosuid","nodev","noexec","bind","rprivate"]})",
                  R"({"destination":"/tmp/nvidia-mps","type":"bind","source":"/tmp/nvidia-mps",)"
                  R"("options":["rw","nosuid","nodev","noexec","bind","rprivate"]})"));
  EXPECT_THAT(pieces.gids, IsEmpty());
  EXPECT_THAT(pieces.notes, IsEmpty());
}

TEST(OciPieces, TakeSourcesFromTheRootOfTheirKind) {
  SpecEdit edit{.plan = plan_of_every_kind()};
  edit.plan.driver_root = HostPath::literal("/run/nvidia/driver");
  edit.plan.device_root = HostPath::literal("/run/nvidia/devices");
  EXPECT_THAT(value_of(oci_pieces({}, edit)).mounts,
              ElementsAre(R"({"destination":"/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15",)"
                          R"("type":"bind",)"
                          R"("source":"/run/nvidia/driver/usr/lib64/libcuda.so.550.54.15",)"
                          R"("options":["ro","nosuid","nodev","bind","rprivate"]})",
                          R"({"destination":"/run/nvidia-persistenced/socket","type":"bind",)"
                          R"("source":"/run/nvidia/driver/run/nvidia-persistenced/socket",)"
                          R"("options":["ro","nosuid","nodev","noexec","bind","rprivate"]})",
                          R"({"destination":"/tmp/nvidia-mps","type":"bind",)"
                          R"("source":"/run/nvidia/devices/tmp/nvidia-mps",)"
                          R"("options":["rw","nosuid","nodev","noexec","bind","rprivate"]})"));
}

TEST(OciPieces, MakeNodesByNumberWhereverTheHostHasThem) {
  SpecEdit edit = edit_of({{.op = node("/dev/nvidia0")}});
  edit.plan.device_root = HostPath::literal("/run/nvidia/devices");
  const OciPieces pieces = value_of(oci_pieces({}, edit));
  EXPECT_THAT(pieces.devices,
              ElementsAre(R"({"path":"/dev/nvidia0","type":"c","major":226,"minor":128,)"
                          R"("fileMode":438,"uid":0,"gid":0})"));
  EXPECT_THAT(pieces.mounts, IsEmpty());
}

TEST(OciPieces, GiveNodesTheAccessOfTheHosts) {
  EXPECT_THAT(
      value_of(oci_pieces(
                   {}, edit_of({{.op = node("/dev/nvidia0", {.mode = 0640, .uid = 7, .gid = 8})}})))
          .devices,
      ElementsAre(R"({"path":"/dev/nvidia0","type":"c","major":226,"minor":128,)"
                  R"("fileMode":416,"uid":7,"gid":8})"));
}

TEST(OciPieces, BindNodesInAUserNamespace) {
  SpecEdit edit = edit_of({{.op = node("/dev/nvidia0", {.mode = 0660, .gid = 44})}});
  edit.in_user_namespace = true;
  const OciPieces pieces = value_of(oci_pieces({}, edit));
  EXPECT_THAT(pieces.devices, IsEmpty());
  EXPECT_THAT(pieces.paths, IsEmpty());
  EXPECT_THAT(pieces.mounts,
              ElementsAre(R"({"destination":"/dev/nvidia0","type":"bind",)"
                          R"("source":"/dev/nvidia0",)"
                          R"("options":["ro","nosuid","noexec","bind","rprivate"]})"));
  EXPECT_THAT(pieces.gids, ElementsAre("44"));
}

TEST(OciPieces, BindNodesOfAnotherPlaceInAUserNamespace) {
  SpecEdit edit = edit_of({{.op = node("/dev/nvidia0", {})}});
  edit.in_user_namespace = true;
  edit.plan.device_root = HostPath::literal("/run/nvidia/devices");
  EXPECT_THAT(value_of(oci_pieces({}, edit)).mounts,
              ElementsAre(R"({"destination":"/dev/nvidia0","type":"bind",)"
                          R"("source":"/run/nvidia/devices/dev/nvidia0",)"
                          R"("options":["ro","nosuid","noexec","bind","rprivate"]})"));
}

// An image's own links can lead to a volume, and a spelling can hide one.
TEST(OciPieces, GoByWherePathsLeadInTheImage) {
  const ContainerSpec spec{
      .mounts = {{.source = "/data", .destination = "/opt/libs", .is_bind = true}}};
  SpecEdit edit = edit_of({{.op = BindFile{HostPath::literal("/usr/lib64/libcuda.so.1.2"),
                                           ContainerPath::literal("/usr/lib64/libcuda.so.1.2")}}});
  EXPECT_TRUE(oci_pieces(spec, edit));
  edit.places = {.mounts = {ContainerPath::literal("/opt/libs")},
                 .targets = {ContainerPath::literal("/opt/libs/libcuda.so.1.2")}};
  EXPECT_EQ(error_kind(oci_pieces(spec, edit)), "refused");
  edit.places = {.mounts = {ContainerPath::literal("/usr/lib64")},
                 .targets = {ContainerPath::literal("/usr/lib64/libcuda.so.1.2")}};
  EXPECT_EQ(error_kind(oci_pieces(spec, edit)), "refused");
}

TEST(MountOptions, OfEachUseOfADirectory) {
  struct {
    DirectoryUse use;
    std::string_view expected;
  } const rows[] = {
      {DirectoryUse::kRead, "ro,nosuid,nodev,noexec,bind,rprivate"},
      {DirectoryUse::kOpenDevices, "ro,nosuid,noexec,bind,rprivate"},
      {DirectoryUse::kWrite, "rw,nosuid,nodev,noexec,bind,rprivate"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(joined(mount_options(BindDirectory{.use = row.use}), ","), row.expected);
}

TEST(MountOptions, OfWhatIsNoMountAreNone) {
  EXPECT_THAT(mount_options(AllowDevice{}), IsEmpty());
  EXPECT_THAT(mount_options(MakeLink{}), IsEmpty());
  EXPECT_THAT(mount_options(MaskedTree{}), IsEmpty());
  EXPECT_THAT(mount_options(UpdateLoaderCache{}), IsEmpty());
}

TEST(OciPieces, AddTheGroupsThatOpenNodes) {
  struct {
    std::string_view name;
    NodeAccess access;
    std::string_view expected;
  } const rows[] = {
      {"open to all", {.mode = 0666, .gid = 44}, ""},
      {"open to all, and more", {.mode = 0777, .gid = 44}, ""},
      {"closed to others", {.mode = 0660, .gid = 44}, "44"},
      {"others may only read", {.mode = 0664, .gid = 44}, "44"},
      {"others may only write", {.mode = 0662, .gid = 44}, "44"},
      {"root's group", {.mode = 0660, .gid = 0}, ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(
        joined(value_of(oci_pieces({}, edit_of({{.op = node("/dev/x", row.access)}}))).gids, ","),
        row.expected)
        << row.name;
  }
}

TEST(OciPieces, AddEachGroupOnceInTheOrderOfNodes) {
  const OciPieces pieces =
      value_of(oci_pieces({}, edit_of({{.op = node("/dev/a", {.mode = 0660, .gid = 109})},
                                       {.op = node("/dev/b", {.mode = 0660, .gid = 44})},
                                       {.op = node("/dev/c", {.mode = 0660, .gid = 109})}})));
  EXPECT_THAT(pieces.gids, ElementsAre("109", "44"));
}

TEST(OciPieces, AddNoGroupThatTheContainerHas) {
  const SpecEdit edit = edit_of({{.op = node("/dev/a", {.mode = 0660, .gid = 44})}});
  EXPECT_THAT(value_of(oci_pieces({.additional_gids = {1, 44}}, edit)).gids, IsEmpty());
  EXPECT_THAT(value_of(oci_pieces({.additional_gids = {1, 4}}, edit)).gids, ElementsAre("44"));
}

TEST(OciPieces, AddNoGroupWhereTheAdministratorSaysSo) {
  SpecEdit edit = edit_of({{.op = node("/dev/a", {.mode = 0660, .gid = 44})}});
  edit.add_groups = false;
  EXPECT_THAT(value_of(oci_pieces({}, edit)).gids, IsEmpty());
}

TEST(OciPieces, NameGroupsAsTheContainerDoes) {
  const IdMapping first{.container_id = 0, .host_id = 1000, .size = 1};
  const IdMapping second{.container_id = 1, .host_id = 40, .size = 5};
  struct {
    std::string_view name;
    ContainerSpec spec;
    std::uint32_t gid;
    std::string_view expected;
  } const rows[] = {
      {"no user namespace", {.gid_mappings = {second}}, 44, "44"},
      {"nothing mapped", {.has_user_namespace = true}, 44, "44"},
      {"last of a stretch", {.has_user_namespace = true, .gid_mappings = {first, second}}, 44, "5"},
      {"first of one", {.has_user_namespace = true, .gid_mappings = {first, second}}, 40, "1"},
      {"behind it", {.has_user_namespace = true, .gid_mappings = {first, second}}, 45, ""},
      {"before it", {.has_user_namespace = true, .gid_mappings = {first, second}}, 39, ""},
      {"of size one", {.has_user_namespace = true, .gid_mappings = {first, second}}, 1000, "0"},
      {"behind one of size one",
       {.has_user_namespace = true, .gid_mappings = {first, second}},
       1001,
       ""},
      {"present by its number inside",
       {.has_user_namespace = true, .gid_mappings = {second}, .additional_gids = {5}},
       44,
       ""},
      {"present by its number outside",
       {.has_user_namespace = true, .gid_mappings = {second}, .additional_gids = {44}},
       44,
       "5"},
  };
  for (const auto& row : rows) {
    const SpecEdit edit = edit_of({{.op = node("/dev/a", {.mode = 0660, .gid = row.gid})}});
    EXPECT_EQ(joined(value_of(oci_pieces(row.spec, edit)).gids, ","), row.expected) << row.name;
  }
}

TEST(OciPieces, RefuseAVolumeOverSomethingRequired) {
  const ContainerSpec spec{
      .mounts = {
          {.source = "/data", .destination = "/usr/lib64", .type = "bind", .is_bind = true}}};
  const auto refused = oci_pieces(spec, edit_of({{.op = file("/usr/lib64/libcuda.so.550.54.15")}}));
  EXPECT_EQ(
      error_of(refused),
      "\"/usr/lib64/libcuda.so.550.54.15\" lies on the volume at \"/usr/lib64\"; do not mount "
      "volumes over the directories that receive driver files");
  EXPECT_EQ(error_kind(refused), "refused");
}

TEST(OciPieces, LeaveOutWhatIsOptionalOnAVolume) {
  const ContainerSpec spec{
      .mounts = {
          {.source = "/data", .destination = "/usr/lib64", .type = "bind", .is_bind = true}}};
  const OciPieces pieces = value_of(
      oci_pieces(spec, edit_of({{.op = file("/usr/lib64/a"), .necessity = Necessity::kOptional},
                                {.op = file("/usr/bin/b"), .necessity = Necessity::kOptional}})));
  EXPECT_THAT(pieces.notes, ElementsAre(Note{.what = "/usr/lib64/a",
                                             .reason = "left out: on the volume at /usr/lib64"}));
  EXPECT_THAT(pieces.mounts,
              ElementsAre(R"({"destination":"/usr/bin/b","type":"bind","source":"/usr/bin/b",)"
                          R"("options":["ro","nosuid","nodev","bind","rprivate"]})"));
}

TEST(OciPieces, LeaveOutNodesWhereAVolumeBringsThoseOfTheHost) {
  const ContainerSpec spec{
      .mounts = {{.source = "/dev", .destination = "/dev", .type = "bind", .is_bind = true}}};
  const OciPieces pieces = value_of(
      oci_pieces(spec, edit_of({{.op = AllowDevice{.number = {226, 128}}},
                                {.op = node("/dev/nvidia0", {.mode = 0660, .gid = 44})}})));
  EXPECT_THAT(pieces.devices, IsEmpty());
  EXPECT_THAT(pieces.paths, IsEmpty());
  EXPECT_THAT(pieces.rules, ElementsAre(R"({"allow":true,"type":"c","major":226,"minor":128,)"
                                        R"("access":"rw"})"));
  EXPECT_THAT(pieces.notes, ElementsAre(Note{.what = "/dev/nvidia0",
                                             .reason = "left out: on the volume at /dev"}));
}

TEST(OciPieces, TellVolumesFromWhatIsTheContainersOwn) {
  struct {
    std::string type;
    bool is_bind;
    bool volume;
  } const rows[] = {
      {"tmpfs", false, false},  {"proc", false, false},    {"sysfs", false, false},
      {"cgroup", false, false}, {"cgroup2", false, false}, {"mqueue", false, false},
      {"devpts", false, false}, {"ramfs", false, false},   {"bind", true, true},
      {"", true, true},         {"tmpfs", true, true},     {"", false, true},
      {"xfs", false, true},     {"nfs", false, true},      {"overlay", false, true},
  };
  for (const auto& row : rows) {
    const ContainerSpec spec{.mounts = {{.source = "x",
                                         .destination = "/usr/lib64",
                                         .type = row.type,
                                         .is_bind = row.is_bind}}};
    EXPECT_EQ(!oci_pieces(spec, edit_of({{.op = file("/usr/lib64/a")}})), row.volume)
        << row.type << row.is_bind;
  }
}

TEST(OciPieces, LookAtTheMountThatShowsTheTarget) {
  const auto bind = [](const std::string& destination) {
    return SpecMount{.source = "/x", .destination = destination, .type = "bind", .is_bind = true};
  };
  const auto tmpfs = [](const std::string& destination) {
    return SpecMount{.source = "tmpfs", .destination = destination, .type = "tmpfs"};
  };
  struct {
    std::string_view name;
    std::vector<SpecMount> mounts;
    std::string_view volume;  // empty: none
  } const rows[] = {
      {"no mount", {}, ""},
      {"directory above", {bind("/usr/lib64")}, "/usr/lib64"},
      {"directory further up", {bind("/usr")}, "/usr"},
      {"another spelling", {bind("//usr/./lib64/")}, "//usr/./lib64/"},
      {"the target itself", {bind("/usr/lib64/a")}, ""},
      {"beside it", {bind("/usr/lib64/b")}, ""},
      {"same beginning", {bind("/usr/lib")}, ""},
      {"below it", {bind("/usr/lib64/a/b")}, ""},
      {"no absolute path", {bind("usr/lib64")}, ""},
      {"own file system over a volume", {bind("/usr"), tmpfs("/usr/lib64")}, ""},
      {"volume over an own file system", {tmpfs("/usr"), bind("/usr/lib64")}, "/usr/lib64"},
      {"volume that hides an own file system", {tmpfs("/usr/lib64"), bind("/usr")}, "/usr"},
      {"own file system that hides a volume", {bind("/usr/lib64"), tmpfs("/usr")}, ""},
      {"last of two volumes", {bind("/usr/lib64"), bind("/usr")}, "/usr"},
  };
  for (const auto& row : rows) {
    const auto made = oci_pieces({.mounts = row.mounts}, edit_of({{.op = file("/usr/lib64/a")}}));
    EXPECT_EQ(error_of(made),
              row.volume.empty()
                  ? "no error"
                  : concat("\"/usr/lib64/a\" lies on the volume at \"", row.volume,
                           "\"; do not mount volumes over the directories that receive driver "
                           "files"))
        << row.name;
  }
}

TEST(HookPiece, HasItsOwnEnvironment) {
  EXPECT_EQ(hook_piece({.program = HostPath::literal("/usr/bin/gpu-hook"),
                        .arguments = {"gpu-hook", "a \"b\""}}),
            R"({"path":"/usr/bin/gpu-hook","args":["gpu-hook","a \"b\""],)"
            R"("env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]})");
  EXPECT_EQ(hook_piece({.program = HostPath::literal("/a"), .arguments = {}}),
            R"({"path":"/a","args":[],"env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]})");
}

TEST(HostPathOf, PutsTheRootInFront) {
  EXPECT_EQ(host_path(HostPath(), HostPath::literal("/dev/a")), "/dev/a");
  EXPECT_EQ(host_path(HostPath::literal("/r"), HostPath::literal("/dev/a")), "/r/dev/a");
}

}  // namespace
}  // namespace gpuhook::render
