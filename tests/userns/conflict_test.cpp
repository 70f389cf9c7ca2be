// SPDX-License-Identifier: Apache-2.0
// Things of the image in the place of a target: each kind of op against each type of inode.
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <ostream>
#include <utility>
#include <vector>

#include "host_side.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;

enum class Obstacle {
  kRegularFile,
  kDirectory,
  kFifo,
  kSocket,
  kCharacterDevice,
  kLinkOutOfTheImage,
  kLinkInsideTheImage,
  kDanglingLink,
  kLinkToItself,
};

constexpr const char* name_of(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::kRegularFile:
      return "RegularFile";
    case Obstacle::kDirectory:
      return "Directory";
    case Obstacle::kFifo:
      return "Fifo";
    case Obstacle::kSocket:
      return "Socket";
    case Obstacle::kCharacterDevice:
      return "CharacterDevice";
    case Obstacle::kLinkOutOfTheImage:
      return "LinkOutOfTheImage";
    case Obstacle::kLinkInsideTheImage:
      return "LinkInsideTheImage";
    case Obstacle::kDanglingLink:
      return "DanglingLink";
    case Obstacle::kLinkToItself:
      break;
  }
  return "LinkToItself";
}

struct Conflict {
  std::string op_name;
  Op op;
  Obstacle obstacle = Obstacle::kDirectory;
  ErrorKind answer = ErrorKind::kRefused;
};

void PrintTo(const Conflict& conflict, std::ostream* out) {
  *out << conflict.op_name << " and " << name_of(conflict.obstacle);
}

std::vector<Conflict> conflicts() {
  using enum Obstacle;
  std::vector<Conflict> all;
  const auto add = [&all](const std::string& name, const Op& op,
                          std::initializer_list<Obstacle> obstacles, ErrorKind answer) {
    for (const Obstacle obstacle : obstacles)
      all.push_back({.op_name = name, .op = op, .obstacle = obstacle, .answer = answer});
  };
  add("BindFile", bind_cuda(), {kDirectory, kFifo, kSocket, kCharacterDevice}, ErrorKind::kRefused);
  add("BindDevice", bind_gpu(), {kDirectory, kFifo, kSocket, kCharacterDevice},
      ErrorKind::kRefused);
  // A socket is covered by ours.
  add("BindSocket", bind_persistenced(), {kDirectory, kFifo, kCharacterDevice},
      ErrorKind::kRefused);
  add("MakeLink", link_cuda(), {kDirectory, kFifo, kSocket, kCharacterDevice}, ErrorKind::kRefused);
  add("UpdateLoaderCache", update_cache(), {kDirectory, kFifo, kSocket, kCharacterDevice},
      ErrorKind::kRefused);
  // No file of the host stands for what these links lead to, so a file is in their way.
  for (const auto& [name, op] : {std::pair<std::string, Op>{"MakeLinkToDirectoryAbove", link_gbm()},
                                 {"MakeLinkToNode", link_by_path()}}) {
    add(name, op, {kRegularFile, kDirectory, kFifo, kSocket, kCharacterDevice},
        ErrorKind::kRefused);
  }
  // The place of a directory is taken by nothing else, and no link is replaced by one.
  for (const auto& [name, op] : {std::pair<std::string, Op>{"BindDirectoryToRead", bind_udev()},
                                 {"BindDirectoryWithDevices", bind_capabilities()},
                                 {"BindDirectoryToWrite", bind_mps()},
                                 {"MaskedTreeThatIsMade", mask_profiles()}}) {
    add(name, op,
        {kRegularFile, kFifo, kSocket, kCharacterDevice, kLinkOutOfTheImage, kLinkInsideTheImage,
         kDanglingLink, kLinkToItself},
        ErrorKind::kRefused);
  }
  // The kernel says no: O_DIRECTORY, RESOLVE_NO_SYMLINKS.
  for (const auto& [name, op] :
       {std::pair<std::string, Op>{"MaskedTree", mask_proc()}, {"MaskedTreeOfGpus", mask_gpus()}}) {
    add(name, op,
        {kRegularFile, kFifo, kSocket, kCharacterDevice, kLinkOutOfTheImage, kLinkInsideTheImage,
         kDanglingLink, kLinkToItself},
        ErrorKind::kSystem);
  }
  return all;
}

// Links are replaced, not followed.
std::vector<Conflict> links_in_the_way() {
  using enum Obstacle;
  std::vector<Conflict> all;
  for (const auto& [name, op] :
       std::vector<std::pair<std::string, Op>>{{"BindFile", bind_cuda()},
                                               {"BindDevice", bind_gpu()},
                                               {"BindSocket", bind_persistenced()},
                                               {"MakeLink", link_cuda()},
                                               {"MakeLinkToDirectoryAbove", link_gbm()},
                                               {"MakeLinkToNode", link_by_path()},
                                               {"UpdateLoaderCache", update_cache()}}) {
    for (const Obstacle link :
         {kLinkOutOfTheImage, kLinkInsideTheImage, kDanglingLink, kLinkToItself})
      all.push_back({.op_name = name, .op = op, .obstacle = link});
  }
  return all;
}

class ObstacleTest : public ApplyTest, public ::testing::WithParamInterface<Conflict> {
 protected:
  // Puts the obstacle in the place of the op's target.
  void put_obstacle(const FakeContainer& container) const {
    container.inside([&] { put(GetParam().obstacle, target_of(GetParam().op)->text()); });
  }

 private:
  void put(Obstacle obstacle, const std::string& path) const {
    fs::remove_all(image.host_path(path));
    switch (obstacle) {
      case Obstacle::kRegularFile:
        return image.write(path, "the image's own");
      case Obstacle::kDirectory:
        return image.directory(path);
      case Obstacle::kFifo:
        return image.fifo(path);
      case Obstacle::kSocket:
        return image.socket(path);
      case Obstacle::kCharacterDevice:
        image.write(path, "");
        return bind_mount("/dev/full", image.host_path(path));
      case Obstacle::kLinkOutOfTheImage:
        return image.link(path, host.canary.host_path("/lib/secret"));
      case Obstacle::kLinkInsideTheImage:
        return image.link(path, "/etc/passwd");
      case Obstacle::kDanglingLink:
        return image.link(path, "/nope");
      case Obstacle::kLinkToItself:
        return image.link(path, fs::path(path).filename().string());
    }
  }
};

std::string test_name(const ::testing::TestParamInfo<Conflict>& tested) {
  return tested.param.op_name + "On" + name_of(tested.param.obstacle);
}

using EveryConflict = ObstacleTest;
INSTANTIATE_TEST_SUITE_P(Apply, EveryConflict, ::testing::ValuesIn(conflicts()), test_name);

TEST_P(EveryConflict, IsRefusedAndNothingChanges) {
  const FakeContainer container(image);
  put_obstacle(container);
  expect_refusal(container, {required(GetParam().op)}, GetParam().answer);
}

class EveryLink : public ObstacleTest {
 protected:
  static World without_target(World world) {
    const std::string& target = target_of(GetParam().op)->text();
    world.image.erase(target);
    if (target.starts_with("/dev/")) world.dev.erase(target.substr(4));
    return world;
  }
};
INSTANTIATE_TEST_SUITE_P(Apply, EveryLink, ::testing::ValuesIn(links_in_the_way()), test_name);

TEST_P(EveryLink, IsReplacedAndWhatItLeadsToIsUnchanged) {
  const FakeContainer container(image);
  put_obstacle(container);
  const World before = look(container);
  EXPECT_EQ(error_line(apply(host.plan({required(GetParam().op)}), container)), "");
  expect_same_files(without_target(before), without_target(look(container)));
}

TEST_P(EveryLink, IsPutBackWhenTheLastStepFails) {
  const FakeContainer container(image);
  put_obstacle(container);
  const World before = look(container);
  FailingKernel kernel;
  const std::string& target = target_of(GetParam().op)->text();
  std::vector<PlannedOp> ops{required(GetParam().op)};
  if (target != "/etc/ld.so.cache") ops.push_back(required(update_cache()));
  // The link itself takes one rename, but for that of the loader cache, which is the last step.
  kernel.fail("renameat", ops.size(), ENOSPC);
  EXPECT_NE(error_line(apply(kernel, host.plan(ops), container)), "");
  expect_same(before, look(container));
}

}  // namespace
}  // namespace gpuhook::testing
