// SPDX-License-Identifier: Apache-2.0
// Construction and spelling of the shared values.
#include "gpuhook/values.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <span>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxPathBytes = 4095;  // PATH_MAX less the final NUL
constexpr std::array<std::string_view, kCountOf<Capability>> kCapabilityNames{
    "compute", "compat32", "display", "graphics", "ngx", "utility", "video"};
constexpr std::array<std::string_view, kCountOf<Feature>> kFeatureNames{"gds", "gdrcopy", "imex",
                                                                        "mofed", "nvswitch"};
constexpr std::array<std::string_view, kCountOf<Omission>> kOmissionNames{
    "device-nodes", "fabricmanager", "gsp-firmware", "mps", "persistenced"};

// The member of that name; `what` names the kind of thing in the message.
template <class Member>
Result<Member> member_named(std::string_view name, std::span<const std::string_view> names,
                            std::string_view what, std::string_view remedy) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<Member>(found - names.begin());
  return fail(ErrorKind::kBadInput, concat("unknown ", what, " ", in_quotes(name)),
              std::string(remedy));
}

// The normal form of an absolute path, or nothing when it has none.
std::optional<std::string> normal_form(std::string_view text) {
  if (text.empty() || text.front() != '/' || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  std::string out;
  for (const std::string_view component : split(text, '/')) {
    if (component == "..") return std::nullopt;
    if (component.empty() || component == ".") continue;
    out += '/';
    out += component;
  }
  if (out.empty()) out = "/";
  if (out.size() > kMaxPathBytes) return std::nullopt;
  return out;
}

}  // namespace

template <class Where>
Result<AbsolutePath<Where>> AbsolutePath<Where>::parse(std::string_view text) {
  std::optional<std::string> normal = normal_form(text);
  if (!normal)
    return fail(ErrorKind::kBadInput, concat("not a usable absolute path: ", in_quotes(text)));
  return AbsolutePath(std::move(*normal));
}

template <class Where>
AbsolutePath<Where> AbsolutePath<Where>::literal(std::string_view text) {
  std::optional<std::string> normal = normal_form(text);
  assert(normal && "malformed path literal");
  return AbsolutePath(std::move(*normal));
}

template <class Where>
AbsolutePath<Where> AbsolutePath<Where>::operator/(std::string_view relative) const {
  return literal(concat(text_, "/", relative));
}

template <class Where>
std::string_view AbsolutePath<Where>::name() const {
  return std::string_view(text_).substr(text_.rfind('/') + 1);
}

template <class Where>
AbsolutePath<Where> AbsolutePath<Where>::parent() const {
  const std::size_t slash = text_.rfind('/');
  return slash == 0 ? AbsolutePath() : AbsolutePath(text_.substr(0, slash));
}

template class AbsolutePath<struct HostSide>;
template class AbsolutePath<struct ContainerSide>;

Result<DriverVersion> DriverVersion::parse(std::string_view text) {
  DriverVersion version;
  for (const std::string_view piece : split(text, '.')) {
    const auto component = number<std::uint32_t>(piece);
    if (!component || piece.size() > 9 || version.components_.size() == 4) {
      return fail(ErrorKind::kBadInput, concat("not a driver version: ", in_quotes(text)));
    }
    version.components_.push_back(*component);
  }
  if (version.components_.size() < 2)
    return fail(ErrorKind::kBadInput, concat("not a driver version: ", in_quotes(text)));
  version.text_ = text;
  return version;
}

// domain:bus:device.function, each hexadecimal.
Result<PciAddress> PciAddress::parse(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  const std::size_t dot = text.rfind('.');
  if (parts.size() == 3 && dot != std::string_view::npos && parts[2].size() == 4 &&
      parts[1].size() == 2) {
    const auto domain = number<std::uint32_t>(parts[0], 16);
    const auto bus = number<std::uint8_t>(parts[1], 16);
    const auto device = number<std::uint8_t>(parts[2].substr(0, 2), 16);
    const auto function = number<std::uint8_t>(parts[2].substr(3), 16);
    const bool sized = parts[0].size() >= 4 && parts[0].size() <= 8;
    if (domain && bus && device && function && sized && parts[2][2] == '.' && *device < 32 &&
        *function < 8) {
      return PciAddress{.domain = *domain, .bus = *bus, .device = *device, .function = *function};
    }
  }
  return fail(ErrorKind::kBadInput, concat("not a PCI address: ", in_quotes(text)));
}

std::string PciAddress::text() const {
  return concat(hex(domain, 4), ":", hex(bus, 2), ":", hex(device, 2), ".", hex(function, 1));
}

std::string PciAddress::long_text() const {
  std::string text =
      concat(hex(domain, 8), ":", hex(bus, 2), ":", hex(device, 2), ".", hex(function, 1));
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

std::string_view name_of(Capability capability) {
  return kCapabilityNames.at(static_cast<std::size_t>(capability));
}

Result<Capability> parse_capability(std::string_view name) {
  return member_named<Capability>(
      name, kCapabilityNames, "driver capability",
      "use all or some of compute, compat32, display, graphics, ngx, utility, video");
}

std::string_view name_of(Feature feature) {
  return kFeatureNames.at(static_cast<std::size_t>(feature));
}

Result<Feature> parse_feature(std::string_view name) {
  return member_named<Feature>(name, kFeatureNames, "feature",
                               "use some of gds, gdrcopy, imex, mofed, nvswitch");
}

std::string_view name_of(Omission omission) {
  return kOmissionNames.at(static_cast<std::size_t>(omission));
}

Result<Omission> parse_omission(std::string_view name) {
  return member_named<Omission>(
      name, kOmissionNames, "thing to leave out",
      "use some of device-nodes, fabricmanager, gsp-firmware, mps, persistenced");
}

}  // namespace gpuhook
