// SPDX-License-Identifier: Apache-2.0
// The grammar of device names. A name is matched against this grammar and never becomes part of a
// path.
#include <algorithm>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/request.h"

namespace gpuhook {
namespace {

// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(), [](char c, char shape) {
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    return shape == 'x' ? digit : c == shape;
  });
}

std::optional<std::string> uuid_with_prefix(std::string_view text, std::string_view prefix) {
  if (text.size() <= prefix.size() || !equal_ignoring_case(text.substr(0, prefix.size()), prefix))
    return std::nullopt;
  const std::string_view uuid = text.substr(prefix.size());
  if (!is_uuid(uuid)) return std::nullopt;
  return concat(prefix, lower(uuid));
}

std::optional<DeviceSelector> parse_mig_index(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto gpu = number<std::uint32_t>(text.substr(0, colon));
  const auto instance = number<std::uint32_t>(text.substr(colon + 1));
  if (!gpu || !instance) return std::nullopt;
  return MigIndex{.gpu = *gpu, .instance = *instance};
}

struct TextOf {
  std::string operator()(const AllDevices& /*all*/) const { return "all"; }
  std::string operator()(const GpuIndex& gpu) const { return std::to_string(gpu.index); }
  std::string operator()(const GpuUuid& gpu) const { return gpu.uuid; }
  std::string operator()(const PciAddress& address) const { return address.text(); }
  std::string operator()(const MigUuid& mig) const { return mig.uuid; }
  std::string operator()(const MigIndex& mig) const { return concat(mig.gpu, ":", mig.instance); }
};

}  // namespace

std::string text_of(const DeviceSelector& selector) { return std::visit(TextOf{}, selector); }

Result<DeviceSelector> parse_selector(std::string_view text) {
  if (equal_ignoring_case(text, "all")) return DeviceSelector(AllDevices{});
  if (const auto index = number<std::uint32_t>(text)) return DeviceSelector(GpuIndex{*index});
  if (auto uuid = uuid_with_prefix(text, "GPU-")) return DeviceSelector(GpuUuid{std::move(*uuid)});
  if (auto uuid = uuid_with_prefix(text, "MIG-")) return DeviceSelector(MigUuid{std::move(*uuid)});
  if (const auto mig = parse_mig_index(text)) return *mig;
  if (const Result<PciAddress> address = PciAddress::parse(text)) return DeviceSelector(*address);
  return fail(ErrorKind::kBadInput, concat("not a device name: ", in_quotes(text)),
              "use all, an index, GPU-<uuid>, a PCI address, <gpu>:<mig> or MIG-<uuid>; `gpu-hook "
              "info` lists them");
}

}  // namespace gpuhook
