// SPDX-License-Identifier: Apache-2.0
// Directories of the host that a container shares: the same for all of them, and what each use
// permits.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <ostream>

#include "base/text.h"
#include "base/unique_fd.h"
#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

struct Shared {
  std::string name;
  BindDirectory op;
  std::string options;  // of its mount
};

void PrintTo(const Shared& shared, std::ostream* out) { *out << shared.name; }

std::vector<Shared> all_uses() {
  return {{"ToBeRead", bind_udev(), "ro,nosuid,nodev,noexec"},
          {"WithDevices", bind_capabilities(), "ro,nosuid,noexec"},
          {"ToBeWritten", bind_mps(), "rw,nosuid,nodev,noexec"}};
}

// The error number of an attempt; 0 for success.
int error_of(int result) { return result < 0 ? errno : 0; }
int error_of_opening(const std::string& path, int flags) {
  const UniqueFd file(open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0644));
  return file ? 0 : errno;
}

class SharedDirectory : public ApplyTest {
 protected:
  [[nodiscard]] std::string on_host(const BindDirectory& op) const {
    return host.devices.host_path(op.source.text());
  }
  void expect_applied(const BindDirectory& op, const FakeContainer& container) const {
    EXPECT_EQ(error_line(apply(host.plan({required(op)}), container)), "");
  }
  // The same directory of another place on the host.
  [[nodiscard]] static BindDirectory from(std::string_view source, BindDirectory op) {
    op.source = HostPath::literal(source);
    return op;
  }
};

// --- all uses

class EveryUse : public SharedDirectory, public ::testing::WithParamInterface<Shared> {
 protected:
  const BindDirectory& op = GetParam().op;
  const std::string& target = GetParam().op.target.text();
};

INSTANTIATE_TEST_SUITE_P(ApplyBindDirectory, EveryUse, ::testing::ValuesIn(all_uses()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(EveryUse, ShowsTheHostsDirectory) {
  host.devices.write(op.source.text() + "/data/file", "the host's");
  const FakeContainer container(image);
  const InjectionPlan plan = host.plan({required(op)});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(container.text(target + "/data/file"), "the host's");
}

TEST_P(EveryUse, ShowsWhatAppearsInItLater) {
  const FakeContainer container(image);
  expect_applied(op, container);
  host.devices.write(op.source.text() + "/new/file", "made while the container runs");
  EXPECT_EQ(container.text(target + "/new/file"), "made while the container runs");
  fs::remove_all(on_host(op) + "/new");
  EXPECT_FALSE(fs::exists(container.seen(target + "/new")));
}

TEST_P(EveryUse, HasTheFlagsOfItsUse) {
  const FakeContainer container(image);
  expect_applied(op, container);
  EXPECT_EQ(container.mount_options(target), GetParam().options);
}

TEST_P(EveryUse, IsMountedPrivately) {
  const FakeContainer container(image);
  expect_applied(op, container);
  const auto mount = mount_at(container.pid(), container.mount_point(target));
  ASSERT_TRUE(mount.has_value());
  EXPECT_EQ(mount->propagation, "");
}

TEST_P(EveryUse, LeavesTheHostsMountTableAlone) {
  const FakeContainer container(image);
  const std::string before = mountinfo_of(getpid());
  expect_applied(op, container);
  EXPECT_EQ(mountinfo_of(getpid()), before);
}

TEST_P(EveryUse, BringsNothingAlongThatIsMountedBelowIt) {
  const std::string below = on_host(op) + "/below";
  fs::create_directory(below);
  mount_new("tmpfs", below);
  host.devices.write(op.source.text() + "/below/secret", "of another file system");
  const FakeContainer container(image);
  expect_applied(op, container);
  EXPECT_TRUE(fs::is_empty(container.seen(target + "/below")));
  EXPECT_EQ(mounts_at(container.pid(), container.mount_point(target + "/below")), 0U);
  unmount(below);
}

// As systemd leaves every mount of a host: shared.
TEST_P(EveryUse, ShowsNothingThatTheHostMountsBelowItLater) {
  const std::string below = "/shared/below";
  host.devices.directory(below);
  const std::string shared = host.devices.host_path("/shared");
  bind_mount(shared, shared);
  change_mount(shared, MS_SHARED);
  const FakeContainer container(image);
  expect_applied(from("/shared", op), container);
  mount_new("tmpfs", host.devices.host_path(below));
  host.devices.write(below + "/secret", "of another file system");
  EXPECT_TRUE(fs::is_empty(container.seen(target + "/below")));
  unmount(host.devices.host_path(below));
  unmount(shared);
}

TEST_P(EveryUse, CoversADirectoryOfTheImageWithoutChangingIt) {
  const FakeContainer container(image);
  container.inside([&] { image.write(target + "/own", "the image's own"); });
  const World before = look(container);
  expect_applied(op, container);
  EXPECT_FALSE(fs::exists(container.seen(target + "/own")));
  EXPECT_EQ(changes(before.image, tree_of(image.root().text())), Tree());
  container.inside([&] {
    unmount(image.host_path(target));
    require(text_of_file(image.host_path(target + "/own")) == "the image's own", "own");
  });
}

TEST_P(EveryUse, MakesAMissingDirectoryForEverybody) {
  const FakeContainer container(image, {.dev_is_tmpfs = false});
  expect_applied(op, container);
  EXPECT_EQ(mode_of(image.host_path(target)), 0755U);
  EXPECT_EQ(mode_of(image.host_path(op.target.parent().text())), 0755U);
  EXPECT_TRUE(fs::is_empty(image.host_path(target)));
}

TEST_P(EveryUse, IsReceivedByAReadOnlyRootDirectoryThatHasTheDirectory) {
  image.directory(target);
  const FakeContainer container(image, {.dev_is_tmpfs = false});
  container.inside([&] { change_mount(image.root().text(), MS_REMOUNT | MS_BIND | MS_RDONLY); });
  const InjectionPlan plan = host.plan({required(op)});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(container.mount_options(target), GetParam().options);
}

TEST_P(EveryUse, HasItsSourceInTheDeviceRoot) {
  host.driver.write(op.source.text() + "/file", "of the driver root");
  host.devices.write(op.source.text() + "/file", "of the device root");
  const FakeContainer container(image);
  expect_applied(op, container);
  EXPECT_EQ(container.text(target + "/file"), "of the device root");
}

// Where everybody can make a name, a link would choose another directory.
TEST_P(EveryUse, FollowsNoLinkToItsSource) {
  host.devices.link("/shared", host.canary.host_path("/lib"));
  expect_refusal({required(from("/shared", op))}, ErrorKind::kSystem);
  host.devices.directory("/real");
  host.devices.link("/link", "real");
  expect_refusal({required(from("/link", op))}, ErrorKind::kSystem);
}

TEST_P(EveryUse, RefusesASourceThatIsAFile) {
  host.devices.write("/shared", "");
  expect_refusal({required(from("/shared", op))}, ErrorKind::kRefused);
}

TEST_P(EveryUse, RefusesASourceThatIsAFifoWithoutBlocking) {
  host.devices.fifo("/shared");
  expect_refusal({required(from("/shared", op))}, ErrorKind::kRefused);
}

TEST_P(EveryUse, IsSkippedWithItsReasonWhenOptionalAndWithoutSource) {
  const FakeContainer container(image);
  const World before = look(container);
  const InjectionPlan plan = host.plan({optional(from("/shared", op))});
  EXPECT_THAT(outcomes(plan, apply(plan, container)),
              ElementsAre(concat("skipped: preparing \"", target,
                                 "\": opening host file \"/shared\": openat2 \"shared\": ENOENT "
                                 "(No such file or directory)")));
  expect_same(before, look(container));
}

// --- the same directory, there already

struct Present {
  std::string name;
  Shared shared;
  unsigned long flags = 0;  // of the mount that the container has
};

void PrintTo(const Present& present, std::ostream* out) { *out << present.name; }

class PresentDirectory : public SharedDirectory, public ::testing::WithParamInterface<Present> {};

constexpr unsigned long kReadOnly = MS_RDONLY;
constexpr unsigned long kNoSetuid = MS_NOSUID;
constexpr unsigned long kNoDevices = MS_NODEV;
constexpr unsigned long kNoPrograms = MS_NOEXEC;

INSTANTIATE_TEST_SUITE_P(
    ApplyBindDirectory, PresentDirectory,
    ::testing::Values(
        Present{"ToBeReadButWritable", all_uses()[0], kNoSetuid | kNoDevices | kNoPrograms},
        Present{"ToBeReadButWithSetuid", all_uses()[0], kReadOnly | kNoDevices | kNoPrograms},
        Present{"ToBeReadButWithDevices", all_uses()[0], kReadOnly | kNoSetuid | kNoPrograms},
        Present{"ToBeReadButWithPrograms", all_uses()[0], kReadOnly | kNoSetuid | kNoDevices},
        Present{"WithDevicesButWithoutThem", all_uses()[1],
                kReadOnly | kNoSetuid | kNoDevices | kNoPrograms},
        Present{"ToBeWrittenButReadOnly", all_uses()[2],
                kReadOnly | kNoSetuid | kNoDevices | kNoPrograms}),
    [](const auto& tested) { return tested.param.name; });

TEST_P(PresentDirectory, IsCoveredAndHasTheFlagsOfItsUse) {
  const BindDirectory& op = GetParam().shared.op;
  const std::string& target = op.target.text();
  const FakeContainer container(image);
  container.inside([&] {
    image.directory(target);
    bind_mount(on_host(op), image.host_path(target));
    change_mount(image.host_path(target), MS_REMOUNT | MS_BIND | GetParam().flags);
  });
  const InjectionPlan plan = host.plan({required(op)});
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("done"));
  EXPECT_EQ(container.mount_options(target), GetParam().shared.options);
  EXPECT_THAT(outcomes(plan, apply(plan, container)), ElementsAre("already"));
}

// --- what each use permits

class Permitted : public SharedDirectory {
 protected:
  // A file system whose one node can be opened also in a user namespace: that of terminals.
  Permitted() {
    host.devices.directory("/terminals");
    mount_new("devpts", host.devices.host_path("/terminals"));
  }
  ~Permitted() override { unmount(host.devices.host_path("/terminals")); }

  [[nodiscard]] int opening_a_device(const BindDirectory& op) const {
    const FakeContainer container(image);
    expect_applied(from("/terminals", op), container);
    return error_of_opening(container.seen(op.target.text() + "/ptmx"), O_RDWR);
  }
};

TEST_F(Permitted, ToBeReadAreTheFiles) {
  const FakeContainer container(image);
  expect_applied(bind_udev(), container);
  EXPECT_EQ(container.text("/run/udev/data/c226:0"), "the host's udev database");
}

TEST_F(Permitted, ToBeReadMeansNotToBeWritten) {
  const FakeContainer container(image);
  expect_applied(bind_udev(), container);
  const Tree before = tree_of(host.devices.root().text());
  const std::string seen = container.seen("/run/udev");
  EXPECT_EQ(error_of_opening(seen + "/new", O_WRONLY | O_CREAT), EROFS);
  EXPECT_EQ(error_of_opening(seen + "/data/c226:0", O_WRONLY), EROFS);
  EXPECT_EQ(error_of(unlink((seen + "/data/c226:0").c_str())), EROFS);
  EXPECT_EQ(error_of(chmod((seen + "/data").c_str(), 0777)), EROFS);
  EXPECT_EQ(changes(before, tree_of(host.devices.root().text())), Tree());
}

TEST_F(Permitted, ToBeReadMeansThatNoDeviceIsOpened) {
  EXPECT_EQ(opening_a_device(bind_udev()), EACCES);
}

TEST_F(Permitted, WithDevicesMeansThatTheyAreOpened) {
  EXPECT_EQ(opening_a_device(bind_capabilities()), 0);
}

TEST_F(Permitted, WithDevicesMeansNotToBeWritten) {
  const FakeContainer container(image);
  expect_applied(bind_capabilities(), container);
  const Tree before = tree_of(host.devices.root().text());
  const std::string seen = container.seen("/dev/nvidia-caps");
  EXPECT_EQ(error_of_opening(seen + "/new", O_WRONLY | O_CREAT), EROFS);
  EXPECT_EQ(error_of(chmod((seen + "/nvidia-cap1").c_str(), 0666)), EROFS);
  EXPECT_EQ(changes(before, tree_of(host.devices.root().text())), Tree());
}

TEST_F(Permitted, ToBeWrittenIsTheHostsDirectory) {
  const FakeContainer container(image);
  expect_applied(bind_mps(), container);
  container.inside([&] { image.write("/tmp/nvidia-mps/log", "a client's"); });
  EXPECT_EQ(text_of_file(host.devices.host_path("/tmp/nvidia-mps/log")), "a client's");
  EXPECT_TRUE(fs::is_empty(image.host_path("/tmp/nvidia-mps")));
}

TEST_F(Permitted, ToBeWrittenLeadsToTheHostsDaemon) {
  const std::string control = host.devices.host_path("/tmp/nvidia-mps/control");
  const UniqueFd daemon(open(control.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const FakeContainer container(image);
  expect_applied(bind_mps(), container);
  container.inside([&] {
    const std::string inside = image.host_path("/tmp/nvidia-mps/control");
    const UniqueFd client(open(inside.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    require(write(client.get(), "quit", 4) == 4, inside);
  });
  std::array<char, 4> bytes{};
  EXPECT_EQ(read(daemon.get(), bytes.data(), bytes.size()), 4);
  EXPECT_THAT(bytes, ElementsAre('q', 'u', 'i', 't'));
}

TEST_F(Permitted, ToBeWrittenMeansThatNoDeviceIsOpened) {
  EXPECT_EQ(opening_a_device(bind_mps()), EACCES);
}

}  // namespace
}  // namespace gpuhook::testing
