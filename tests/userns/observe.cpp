// SPDX-License-Identifier: Apache-2.0
// Reads directory trees and /proc/<pid>/mountinfo.
#include "observe.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <sstream>

#include "base/text.h"
#include "namespaces.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;

std::string octal(mode_t mode) {
  std::ostringstream text;
  text << std::oct << std::setw(4) << std::setfill('0') << (mode & 07777U);
  return text.str();
}

std::string description(const std::string& path) {
  struct stat status {};
  require(lstat(path.c_str(), &status) == 0, concat("lstat ", path));
  const std::string mode = octal(status.st_mode);
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
      return concat("directory ", mode);
    case S_IFLNK:
      return concat("link to ", fs::read_symlink(path).string());
    case S_IFREG:
      return concat("file ", mode, " of ", status.st_mtim.tv_sec, ".", status.st_mtim.tv_nsec, " ",
                    in_quotes(text_of_file(path)));
    case S_IFCHR:
      return concat("character device ", mode, " ", major(status.st_rdev), ":",
                    minor(status.st_rdev));
    case S_IFSOCK:
      return concat("socket ", mode);
    case S_IFIFO:
      return concat("fifo ", mode);
    default:
      return "something else";
  }
}

std::string without_atime(const std::string& options) {
  std::string kept;
  for (const std::string_view option : split(options, ',')) {
    if (option.ends_with("atime")) continue;
    if (!kept.empty()) kept += ',';
    kept += option;
  }
  return kept;
}

// Fields: id parent major:minor root point options [optional fields] - type source super-options.
MountLine parsed(const std::string& line) {
  std::istringstream words(line);
  MountLine mount;
  std::string skipped;
  words >> skipped >> skipped >> skipped >> mount.root >> mount.point >> mount.options;
  for (std::string word; words >> word && word != "-";) {
    if (!mount.propagation.empty()) mount.propagation += ' ';
    mount.propagation += word;
  }
  words >> mount.type;
  mount.options = without_atime(mount.options);
  return mount;
}

}  // namespace

Tree tree_of(const std::string& directory) {
  Tree tree{{".", description(concat(directory, "/."))}};
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    const std::string path = entry.path().string();
    tree.emplace(path.substr(directory.size()), description(path));
  }
  return tree;
}

Tree changes(const Tree& before, const Tree& after) {
  Tree changed;
  for (const auto& [path, what] : before) {
    const auto now = after.find(path);
    if (now == after.end()) {
      changed[path] = what + ", now gone";
    } else if (now->second != what) {
      changed[path] = concat(what, ", now ", now->second);
    }
  }
  for (const auto& [path, what] : after) {
    if (!before.contains(path)) changed[path] = "nothing, now " + what;
  }
  return changed;
}

std::string text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  require(file.good(), concat("open ", path));
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  require(lstat(path.c_str(), &status) == 0, concat("lstat ", path));
  return status.st_mode & 07777U;
}

std::string mountinfo_of(pid_t process) {
  return text_of_file(concat("/proc/", process, "/mountinfo"));
}

std::vector<MountLine> mounts_of(pid_t process) {
  std::vector<MountLine> mounts;
  std::istringstream lines(mountinfo_of(process));
  for (std::string line; std::getline(lines, line);) mounts.push_back(parsed(line));
  return mounts;
}

std::size_t mounts_at(pid_t process, const std::string& point) {
  const std::vector<MountLine> mounts = mounts_of(process);
  return static_cast<std::size_t>(
      std::count_if(mounts.begin(), mounts.end(),
                    [&point](const MountLine& mount) { return mount.point == point; }));
}

std::optional<MountLine> mount_at(pid_t process, const std::string& point) {
  std::optional<MountLine> last;
  for (const MountLine& mount : mounts_of(process)) {
    if (mount.point == point) last = mount;
  }
  return last;
}

ino_t own_mount_namespace() {
  struct stat status {};
  require(stat("/proc/self/ns/mnt", &status) == 0, "stat /proc/self/ns/mnt");
  return status.st_ino;
}

}  // namespace gpuhook::testing
