// SPDX-License-Identifier: Apache-2.0
// The grammar of device names. A name is matched against this grammar and never becomes part of a
// path.
#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/request.h"
#include "request/gpu_kinds.h"

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

// "GPU-<uuid>/1/0", what follows "MIG-" in the names of drivers before 470.
std::optional<DeviceSelector> parse_mig_path(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '/');
  if (parts.size() != 3) return std::nullopt;
  auto uuid = uuid_with_prefix(parts[0], "MIG-GPU-");
  const auto gpu_instance = number<std::uint32_t>(parts[1]);
  const auto compute_instance = number<std::uint32_t>(parts[2]);
  if (!uuid || !gpu_instance || !compute_instance) return std::nullopt;
  return MigPath{.gpu_uuid = uuid->substr(std::string_view("MIG-").size()),
                 .gpu_instance = *gpu_instance,
                 .compute_instance = *compute_instance};
}

// The name behind a CDI kind that means this host's GPUs.
std::string_view without_kind(std::string_view text) {
  for (const std::string_view kind : request::kGpuKinds) {
    if (text.starts_with(concat(kind, "="))) return text.substr(kind.size() + 1);
  }
  return text;
}

bool is_cdi_name(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::size_t equals = text.find('=');
  return slash != std::string_view::npos && equals != std::string_view::npos && slash < equals;
}

struct TextOf {
  std::string operator()(const AllDevices& /*all*/) const { return "all"; }
  std::string operator()(const GpuIndex& gpu) const { return std::to_string(gpu.index); }
  std::string operator()(const GpuUuid& gpu) const { return gpu.uuid; }
  std::string operator()(const PciAddress& address) const { return address.text(); }
  std::string operator()(const MigUuid& mig) const { return mig.uuid; }
  std::string operator()(const MigIndex& mig) const { return concat(mig.gpu, ":", mig.instance); }
  std::string operator()(const MigPath& mig) const {
    return concat("MIG-", mig.gpu_uuid, "/", mig.gpu_instance, "/", mig.compute_instance);
  }
};

}  // namespace

std::string text_of(const DeviceSelector& selector) { return std::visit(TextOf{}, selector); }

Result<DeviceSelector> parse_selector(std::string_view name) {
  const std::string_view text = without_kind(name);
  if (equal_ignoring_case(text, "all")) return DeviceSelector(AllDevices{});
  if (const auto index = number<std::uint32_t>(text)) return DeviceSelector(GpuIndex{*index});
  if (auto uuid = uuid_with_prefix(text, "GPU-")) return DeviceSelector(GpuUuid{std::move(*uuid)});
  if (auto uuid = uuid_with_prefix(text, "MIG-")) return DeviceSelector(MigUuid{std::move(*uuid)});
  if (auto mig = parse_mig_path(text)) return std::move(*mig);
  if (const auto mig = parse_mig_index(text)) return *mig;
  if (const Result<PciAddress> address = PciAddress::parse(text)) return DeviceSelector(*address);
  if (is_cdi_name(text)) {
    return fail(ErrorKind::kBadInput,
                concat("not a GPU of this host by its CDI name: ", in_quotes(name)),
                "use nvidia.com/gpu=<device>; devices of other kinds come from the engine's own "
                "CDI support");
  }
  return fail(ErrorKind::kBadInput, concat("not a device name: ", in_quotes(name)),
              "use all, an index, GPU-<uuid>, a PCI address, <gpu>:<mig> or MIG-<uuid>; `gpu-hook "
              "info` lists them");
}

}  // namespace gpuhook
