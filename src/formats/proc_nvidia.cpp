// SPDX-License-Identifier: Apache-2.0
// Line-wise readers of the NVIDIA module's proc files.
#include "formats/proc_nvidia.h"

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::formats {
namespace {

struct KeyValue {
  std::string_view key;
  std::string_view value;
};

KeyValue key_value(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {.key = trimmed(line), .value = {}};
  return {.key = trimmed(line.substr(0, colon)), .value = trimmed(line.substr(colon + 1))};
}

}  // namespace

Result<DriverVersion> parse_module_version(std::string_view version_text) {
  for (const std::string_view line : lines(version_text)) {
    if (!line.starts_with("NVRM version:")) continue;
    for (const std::string_view word : words(line)) {
      Result<DriverVersion> version = DriverVersion::parse(word);
      if (version) return version;
    }
  }
  return fail(ErrorKind::kBadInput, concat("no driver version in ", in_quotes(version_text)));
}

Result<GpuInformation> parse_gpu_information(std::string_view text) {
  GpuInformation gpu;
  for (const std::string_view line : lines(text)) {
    const auto [key, value] = key_value(line);
    if (key == "Model") gpu.model = value;
    if (key == "GPU UUID" && value.find('?') == std::string_view::npos &&
        value.starts_with("GPU-")) {
      gpu.uuid = concat("GPU-", lower(value.substr(4)));
    }
    if (key == "Bus Location") gpu.pci = TRY(PciAddress::parse(value));
    if (key == "Device Minor") gpu.minor = number<std::uint32_t>(value);
    // Older drivers say "Blacklisted".
    if (key == "GPU Excluded" || key == "Blacklisted") gpu.excluded = value == "Yes";
  }
  if (!gpu.pci) return fail(ErrorKind::kBadInput, "GPU information without \"Bus Location\"");
  if (!gpu.minor) return fail(ErrorKind::kBadInput, "GPU information without \"Device Minor\"");
  return gpu;
}

std::optional<std::uint32_t> parse_capability_minor(std::string_view text) {
  for (const std::string_view line : lines(text)) {
    const auto [key, value] = key_value(line);
    if (key == "DeviceFileMinor") return number<std::uint32_t>(value);
  }
  return std::nullopt;
}

std::vector<MigMinor> parse_mig_minors(std::string_view text) {
  constexpr std::string_view kPrefix = "gpu";
  std::vector<MigMinor> found;
  for (const std::string_view line : lines(text)) {
    const std::size_t slash = line.find('/');
    const std::size_t space = line.rfind(' ');
    if (!line.starts_with(kPrefix) || slash == std::string_view::npos ||
        space == std::string_view::npos || space < slash)
      continue;
    const auto gpu = number<std::uint32_t>(line.substr(kPrefix.size(), slash - kPrefix.size()));
    const auto minor = number<std::uint32_t>(line.substr(space + 1));
    if (gpu && minor) found.push_back({.gpu_minor = *gpu, .minor = *minor});
  }
  return found;
}

std::string without_device_file_modification(std::string_view params_text) {
  std::string out;
  for (const std::string_view line : lines(params_text)) {
    out += key_value(line).key == "ModifyDeviceFiles" ? std::string_view("ModifyDeviceFiles: 0")
                                                      : line;
    out += '\n';
  }
  return out;
}

}  // namespace gpuhook::formats
