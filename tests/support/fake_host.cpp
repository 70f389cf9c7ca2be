// SPDX-License-Identifier: Apache-2.0
// Writes the tree with the C++ standard library; sockets and FIFOs need calls of their own.
#include "fake_host.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "base/text.h"
#include "formats/ld_cache.h"

namespace gpuhook::testing {
namespace {

namespace fs = std::filesystem;

void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("cannot make " + what + ": " + std::strerror(errno));
}

std::string name_in(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

// As drivers 450 and newer print it.
std::string information_of(const FakeGpu& gpu) {
  return concat("Model: \t\t ", gpu.model, "\nIRQ:   \t\t 41\nGPU UUID: \t ", gpu.uuid,
                "\nVideo BIOS: \t 96.00.cf.00.01\nBus Type: \t PCIe\nDMA Size: \t 52 bits\n"
                "DMA Mask: \t 0xfffffffffffff\nBus Location: \t ",
                gpu.pci, "\nDevice Minor: \t ", gpu.minor, "\nGPU Excluded:\t ",
                gpu.excluded ? "Yes" : "No", "\n");
}

std::string capability_text(std::uint32_t minor) {
  return concat("DeviceFileMinor: ", minor, "\nDeviceFileMode: 292\nDeviceFileModify: 1\n");
}

}  // namespace

struct TempTree::Owned {
  fs::path root;
  Owned() {
    std::string pattern = (fs::temp_directory_path() / "gpuhook-test-XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr, pattern);
    root = fs::canonical(pattern);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    std::error_code ignored;  // a left-over directory is no reason to fail a test
    fs::remove_all(root, ignored);
  }
};

TempTree::TempTree() : owned_(std::make_shared<const Owned>()) {}

std::string TempTree::host_path(std::string_view path) const {
  return concat(owned_->root.string(), path);
}

HostPath TempTree::root() const { return HostPath::literal(owned_->root.string()); }

sys::RootedDir TempTree::open() const {
  Result<sys::RootedDir> opened = sys::RootedDir::open(root());
  if (!opened) throw std::runtime_error(to_line(opened.error()));
  return std::move(*opened);
}

void TempTree::directory(std::string_view path) const { fs::create_directories(host_path(path)); }

void TempTree::write(std::string_view path, std::string_view content, unsigned mode) const {
  const fs::path file = host_path(path);
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  require(out.good(), file.string());
  fs::permissions(file, fs::perms{mode});
}

void TempTree::link(std::string_view path, std::string_view text) const {
  const fs::path file = host_path(path);
  fs::create_directories(file.parent_path());
  fs::create_symlink(text, file);
}

void TempTree::fifo(std::string_view path) const {
  const fs::path file = host_path(path);
  fs::create_directories(file.parent_path());
  require(mkfifo(file.c_str(), 0600) == 0, file.string());
}

void TempTree::socket(std::string_view path) const {
  const fs::path file = host_path(path);
  fs::create_directories(file.parent_path());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  require(file.string().size() < sizeof address.sun_path, file.string());
  file.string().copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  require(fd && bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          file.string());
}

void TempTree::copy_from(const std::string& source, std::string_view path) const {
  const fs::path to = host_path(path);
  fs::create_directories(to.parent_path());
  fs::copy(source, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
}

FakeHost FakeHost::with_driver(std::string_view version) {
  FakeHost host;
  host.add_file("/proc/driver/nvidia/version",
                concat("NVRM version: NVIDIA UNIX x86_64 Kernel Module  ", version,
                       "  Tue Mar  5 22:23:56 UTC 2024\nGCC version:  gcc version 12.2.0 (Debian "
                       "12.2.0-14)\n"));
  host.add_file("/proc/driver/nvidia/params",
                "ResmanDebugLevel: 4294967295\nModifyDeviceFiles: 1\n");
  host.add_file("/proc/driver/nvidia/registry", "Binary: \"\"\n");
  host.add_file("/proc/devices",
                "Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n236 nvidia-uvm\n"
                "240 nvidia-caps\n\nBlock devices:\n  7 loop\n");
  host.add_directory("/dev");
  return host;
}

FakeHost& FakeHost::add_gpu(const FakeGpu& gpu) {
  const std::string directory = concat("/proc/driver/nvidia/gpus/", gpu.pci);
  add_file(directory + "/information", information_of(gpu));
  return add_file(directory + "/registry", "Binary: \"\"\n");
}

FakeHost& FakeHost::add_mig(std::uint32_t gpu_minor, std::uint32_t gi, std::uint32_t ci,
                            std::uint32_t gi_node, std::uint32_t ci_node) {
  const std::string directory =
      concat("/proc/driver/nvidia/capabilities/gpu", gpu_minor, "/mig/gi", gi);
  add_file(directory + "/access", capability_text(gi_node));
  return add_file(concat(directory, "/ci", ci, "/access"), capability_text(ci_node));
}

FakeHost& FakeHost::add_library(std::string_view path, std::string_view soname) {
  ElfImage image;
  if (!soname.empty()) image.soname = soname;
  add_library(path, image);
  if (soname.empty()) return *this;
  return add_link(concat(path.substr(0, path.rfind('/') + 1), soname), name_in(path));
}

FakeHost& FakeHost::add_library(std::string_view path, const ElfImage& image) {
  return add_file(path, bytes_of(image));
}

FakeHost& FakeHost::add_program(std::string_view path) {
  tree_.write(path, bytes_of({}), 0755);
  return *this;
}

FakeHost& FakeHost::add_file(std::string_view path, std::string_view content) {
  tree_.write(path, content);
  return *this;
}

FakeHost& FakeHost::add_link(std::string_view path, std::string_view text) {
  tree_.link(path, text);
  return *this;
}

FakeHost& FakeHost::add_directory(std::string_view path) {
  tree_.directory(path);
  return *this;
}

FakeHost& FakeHost::add_fifo(std::string_view path) {
  tree_.fifo(path);
  return *this;
}

FakeHost& FakeHost::add_socket(std::string_view path) {
  tree_.socket(path);
  return *this;
}

FakeHost& FakeHost::add_loader_cache(const std::vector<std::string>& paths) {
  formats::LdCache cache;
  for (const std::string& path : paths) {
    cache.entries.push_back({.flags = formats::kLibc6X8664, .name = name_in(path), .path = path});
  }
  const std::vector<std::byte> bytes = formats::encode_ld_cache(cache);
  return add_file("/etc/ld.so.cache",
                  std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace gpuhook::testing
