// SPDX-License-Identifier: Apache-2.0
// A host with an NVIDIA driver, as a directory tree: the texts of /proc, tiny ELF files, a real
// ld.so.cache. Needs no privilege: device numbers come from /proc texts, and no node is made.
//
//   const FakeHost host = FakeHost::with_driver("550.54.15")
//                             .add_gpu({.minor = 3})
//                             .add_library("/usr/lib64/libcuda.so.550.54.15", "libcuda.so.1");
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fake_host_elf.h"
#include "gpuhook/values.h"
#include "sys/rooted_dir.h"

namespace gpuhook::testing {

// A temporary directory that is written by absolute paths inside it, and removed at the end. Copies
// share the directory. What cannot be written throws.
class TempTree {
 public:
  TempTree();

  // Parent directories are made as needed.
  void write(std::string_view path, std::string_view content, unsigned mode = 0644) const;
  void link(std::string_view path, std::string_view text) const;
  void directory(std::string_view path) const;
  void fifo(std::string_view path) const;
  void socket(std::string_view path) const;
  // A copy of the directory `source` of the host, links kept.
  void copy_from(const std::string& source, std::string_view path) const;

  [[nodiscard]] HostPath root() const;
  [[nodiscard]] std::string host_path(std::string_view path) const;
  [[nodiscard]] sys::RootedDir open() const;

 private:
  struct Owned;
  std::shared_ptr<const Owned> owned_;
};

// Where Debian and its relatives keep libraries on the machine this program was built for.
#if defined(__aarch64__)
#define GPUHOOK_TEST_MULTIARCH "/usr/lib/aarch64-linux-gnu"
#else
#define GPUHOOK_TEST_MULTIARCH "/usr/lib/x86_64-linux-gnu"
#endif

struct FakeGpu {
  std::uint32_t minor = 0;
  std::string pci = "0000:0a:00.0";
  std::string uuid = "GPU-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";
  std::string model = "NVIDIA H100 80GB HBM3";
  bool excluded = false;
};

class FakeHost {
 public:
  // Neither driver nor anything else.
  static FakeHost without_driver() { return {}; }
  // The kernel module is loaded; no GPU and no library yet.
  static FakeHost with_driver(std::string_view version);

  FakeHost& add_gpu(const FakeGpu& gpu);
  // A MIG compute instance and the minors of its two capability nodes.
  FakeHost& add_mig(std::uint32_t gpu_minor, std::uint32_t gi, std::uint32_t ci,
                    std::uint32_t gi_node, std::uint32_t ci_node);

  // "libcuda.so.550.54.15" with its SONAME link beside it; an empty soname leaves both out.
  FakeHost& add_library(std::string_view path, std::string_view soname);
  FakeHost& add_library(std::string_view path, const ElfImage& image);
  FakeHost& add_program(std::string_view path);
  FakeHost& add_file(std::string_view path, std::string_view content);
  FakeHost& add_link(std::string_view path, std::string_view text);
  FakeHost& add_directory(std::string_view path);
  FakeHost& add_fifo(std::string_view path);
  FakeHost& add_socket(std::string_view path);

  // /etc/ld.so.cache with these paths, each under the name it has there.
  FakeHost& add_loader_cache(const std::vector<std::string>& paths);

  [[nodiscard]] const TempTree& tree() const { return tree_; }
  [[nodiscard]] HostPath root() const { return tree_.root(); }
  [[nodiscard]] sys::RootedDir open() const { return tree_.open(); }

 private:
  FakeHost() = default;
  TempTree tree_;
};

}  // namespace gpuhook::testing
