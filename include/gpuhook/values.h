// SPDX-License-Identifier: Apache-2.0
// Small values that all parts of the contract share: paths that cannot be mixed up, device numbers,
// versions.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/result.h"

namespace gpuhook {

// An absolute path in normal form: begins with '/', no empty, "." or ".." component, no NUL, at
// most 4095 bytes. Two instantiations exist and neither converts into the other.
template <class Where>
class AbsolutePath {
 public:
  // "/".
  AbsolutePath() : text_("/") {}

  // Accepts any absolute spelling and folds repeated and final slashes and "." components.
  // Errors: kBadInput when relative, too long, with NUL or "..".
  static Result<AbsolutePath> parse(std::string_view text);

  // For paths spelled in the source code; a malformed one is a programming error (assert).
  static AbsolutePath literal(std::string_view text);

  // The path one or more components below this one; `relative` follows the rules of parse() without
  // the first '/'.
  AbsolutePath operator/(std::string_view relative) const;

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string_view name() const;  // last component, empty for "/"
  [[nodiscard]] AbsolutePath parent() const;    // "/" for "/"
  [[nodiscard]] std::string_view relative() const { return std::string_view(text_).substr(1); }

  auto operator<=>(const AbsolutePath&) const = default;

 private:
  explicit AbsolutePath(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// A path on the host, meant inside the driver root or device root that accompanies it.
using HostPath = AbsolutePath<struct HostSide>;
// A path inside the container's root file system. It is opened beneath that root, never joined to a
// host path.
using ContainerPath = AbsolutePath<struct ContainerSide>;

// A character device as the kernel numbers it.
struct DeviceNumber {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  auto operator<=>(const DeviceNumber&) const = default;
};

// Who may open a device node, as the host's file system has it.
struct NodeAccess {
  std::uint32_t mode = 0666;  // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  // Whether everybody may read and write.
  [[nodiscard]] bool open_to_all() const { return (mode & 06U) == 06U; }
  bool operator==(const NodeAccess&) const = default;
};

// A device node of the host: where it is in the device root and which number it must have.
struct DeviceNode {
  HostPath path;
  DeviceNumber number;
  NodeAccess access = {};
  bool operator==(const DeviceNode&) const = default;
};

// A dotted driver version such as 580.159.04. Compared numerically; equality is textual identity of
// the components.
class DriverVersion {
 public:
  // Errors: kBadInput unless two to four numbers of at most nine digits, joined by dots.
  static Result<DriverVersion> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<std::uint32_t>& components() const { return components_; }
  [[nodiscard]] std::uint32_t major() const {
    return components_.empty() ? 0 : components_.front();
  }

  bool operator==(const DriverVersion& other) const { return text_ == other.text_; }

 private:
  std::string text_;
  std::vector<std::uint32_t> components_;
};

// A PCI address; printed with the four-digit domain of /proc/driver/nvidia/gpus unless the domain
// needs more.
struct PciAddress {
  std::uint32_t domain = 0;
  std::uint8_t bus = 0;
  std::uint8_t device = 0;
  std::uint8_t function = 0;

  // Accepts "0000:0a:00.0" and "00000000:0A:00.0", hexadecimal in either case.
  static Result<PciAddress> parse(std::string_view text);
  [[nodiscard]] std::string text() const;       // 0000:0a:00.0
  [[nodiscard]] std::string long_text() const;  // 00000000:0A:00.0, as NVML prints it

  auto operator<=>(const PciAddress&) const = default;
};

// The driver's capabilities an image can ask for, in the order of the NVIDIA contract.
enum class Capability : std::uint8_t {
  kCompute,
  kCompat32,
  kDisplay,
  kGraphics,
  kNgx,
  kUtility,
  kVideo
};

std::string_view name_of(Capability capability);
Result<Capability> parse_capability(std::string_view name);

// What a container can be given beyond GPUs and driver files. Each reaches further than one
// container's own GPUs, so that an image's word alone does not bring it.
enum class Feature : std::uint8_t {
  kGds,      // GPUDirect Storage: /dev/nvidia-fs*, /run/udev, /etc/cufile.json
  kGdrcopy,  // /dev/gdrdrv
  kImex,     // IMEX channels: memory of GPUs in other machines
  kMofed,    // RDMA: /dev/infiniband/uverbs*, rdma_cm
  kNvswitch  // /dev/nvidia-nvswitch*
};

std::string_view name_of(Feature feature);
Result<Feature> parse_feature(std::string_view name);

// What an administrator can leave out of every container.
enum class Omission : std::uint8_t {
  kDeviceNodes,    // node files; their cgroup rules stay
  kFabricmanager,  // its socket
  kGspFirmware,
  kMps,           // the pipe directory of the multi-process service
  kPersistenced,  // its socket
};

std::string_view name_of(Omission omission);
Result<Omission> parse_omission(std::string_view name);

// How many members an enumeration has.
template <class Member>
inline constexpr std::size_t kCountOf = 0;
template <>
inline constexpr std::size_t kCountOf<Capability> = 7;
template <>
inline constexpr std::size_t kCountOf<Feature> = 5;
template <>
inline constexpr std::size_t kCountOf<Omission> = 5;

// A set of members of one of the enumerations above.
template <class Member>
class SetOf {
 public:
  constexpr SetOf() = default;
  constexpr SetOf(std::initializer_list<Member> members) {
    for (const Member member : members) insert(member);
  }
  static constexpr SetOf all() {
    SetOf set;
    set.bits_ = (1U << kCountOf<Member>)-1;
    return set;
  }

  constexpr void insert(Member member) { bits_ |= bit(member); }
  constexpr void insert(SetOf members) { bits_ |= members.bits_; }
  [[nodiscard]] constexpr bool contains(Member member) const { return (bits_ & bit(member)) != 0; }
  [[nodiscard]] constexpr bool intersects(SetOf other) const { return (bits_ & other.bits_) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  // The names of the members in the order of the enumeration: "compute,utility".
  [[nodiscard]] std::string text() const {
    std::string out;
    for (std::size_t i = 0; i < kCountOf<Member>; ++i) {
      const auto member = static_cast<Member>(i);
      if (contains(member)) out.append(out.empty() ? "" : ",").append(name_of(member));
    }
    return out;
  }

  constexpr bool operator==(const SetOf&) const = default;

 private:
  static constexpr std::uint32_t bit(Member member) { return 1U << static_cast<unsigned>(member); }
  std::uint32_t bits_ = 0;
};
using CapabilitySet = SetOf<Capability>;
using FeatureSet = SetOf<Feature>;
using OmissionSet = SetOf<Omission>;

// A decision worth telling: something asked for and not given, or decided otherwise than expected.
struct Note {
  std::string what;
  std::string reason;
  bool operator==(const Note&) const = default;
};

}  // namespace gpuhook
