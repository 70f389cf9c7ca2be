// SPDX-License-Identifier: Apache-2.0
// A directory tree that is read as if it were "/": no name, link or ".." leads out of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "gpuhook/values.h"
#include "sys/kernel.h"

namespace gpuhook::sys {

struct DirEntry {
  std::string name;
  FileType type = FileType::kOther;
};

class RootedDir {
 public:
  // Errors: kNotFound, kSystem.
  static Result<RootedDir> open(const HostPath& path);
  // The tree below an open directory.
  static RootedDir adopt(UniqueFd directory) { return RootedDir(std::move(directory)); }

  [[nodiscard]] int fd() const { return directory_.get(); }

  // An O_PATH descriptor of what the path leads to. Absolute and relative links are followed inside
  // the tree.
  [[nodiscard]] Result<UniqueFd> locate(std::string_view absolute_path) const;
  // A descriptor for reading a regular file; anything else is refused without being opened for
  // reading.
  [[nodiscard]] Result<UniqueFd> open_file(std::string_view absolute_path) const;
  // The whole content. Errors: kRefused when larger than `limit`.
  [[nodiscard]] Result<std::string> read_file(std::string_view absolute_path,
                                              std::size_t limit) const;
  [[nodiscard]] Result<FileStatus> status(std::string_view absolute_path) const;
  [[nodiscard]] bool is_directory(std::string_view absolute_path) const;
  [[nodiscard]] bool exists(std::string_view absolute_path) const;
  // The entries in name order, without "." and "..". Errors: kRefused when more than `limit`.
  [[nodiscard]] Result<std::vector<DirEntry>> list(std::string_view absolute_path,
                                                   std::size_t limit) const;
  // The path without links that leads to the same file inside the tree.
  [[nodiscard]] Result<HostPath> real_path(std::string_view absolute_path) const;

 private:
  explicit RootedDir(UniqueFd directory) : directory_(std::move(directory)) {}
  UniqueFd directory_;
};

// The path without links of the directory that `path`, absolute or relative to `base`, leads to.
Result<HostPath> resolve_directory(const HostPath& base, const std::string& path);

// Replaces a regular file by one with the given content and the old one's owner and mode: a reader
// sees the old or the new. Errors: kRefused when `name` is no regular file.
Status replace_file(const HostPath& directory, const std::string& name, std::string_view content);

// An exclusive lock on a directory, held as long as the descriptor: others who ask for it wait, up
// to five seconds, for the holder may be a container that means harm. A file system without such
// locks gives none. Errors: kRefused when somebody does not let go.
Result<UniqueFd> lock_directory(int directory);

// Up to `size` bytes from `offset` of an open file. Never maps it: a mapped file that shrinks kills
// its reader.
Result<std::vector<std::byte>> read_at(int fd, std::uint64_t offset, std::size_t size);

}  // namespace gpuhook::sys
