// SPDX-License-Identifier: Apache-2.0
// Which version of the Container Device Interface brought what.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/try.h"
#include "formats/cdi_rules.h"

namespace gpuhook {
namespace {

// 0.8.0 and 1.0.0 brought nothing that a document can have.
constexpr std::array<std::string_view, 8> kVersions{"0.3.0", "0.4.0", "0.5.0", "0.6.0",
                                                    "0.7.0", "0.8.0", "1.0.0", "1.1.0"};

template <class Predicate>
bool any_edits(const CdiSpec& spec, Predicate predicate) {
  return predicate(spec.edits) ||
         std::any_of(spec.devices.begin(), spec.devices.end(),
                     [&](const CdiDevice& device) { return predicate(device.edits); });
}

bool has_net_devices(const CdiSpec& spec) {
  return any_edits(spec, [](const CdiEdits& edits) { return !edits.net_devices.empty(); });
}

bool has_schemata(const CdiSpec& spec) {
  return any_edits(spec, [](const CdiEdits& edits) {
    return edits.intel_rdt &&
           (!edits.intel_rdt->schemata.empty() || edits.intel_rdt->enable_monitoring);
  });
}

bool has_old_monitoring(const CdiSpec& spec) {
  return any_edits(spec, [](const CdiEdits& edits) {
    return edits.intel_rdt && (edits.intel_rdt->enable_cmt || edits.intel_rdt->enable_mbm);
  });
}

bool has_additional_gids(const CdiSpec& spec) {
  return any_edits(spec, [](const CdiEdits& edits) { return !edits.additional_gids.empty(); });
}

bool has_intel_rdt(const CdiSpec& spec) {
  return any_edits(spec, [](const CdiEdits& edits) { return edits.intel_rdt.has_value(); });
}

bool has_annotations(const CdiSpec& spec) {
  return !spec.annotations.empty() ||
         std::any_of(spec.devices.begin(), spec.devices.end(),
                     [](const CdiDevice& device) { return !device.annotations.empty(); });
}

bool has_dotted_class(const CdiSpec& spec) {
  const std::size_t slash = spec.kind.find('/');
  return slash != std::string::npos && spec.kind.find('.', slash) != std::string::npos;
}

bool has_host_path(const CdiSpec& spec) {
  return any_edits(spec, [](const CdiEdits& edits) {
    return std::any_of(edits.device_nodes.begin(), edits.device_nodes.end(),
                       [](const CdiDeviceNode& node) { return !node.host_path.empty(); });
  });
}

bool has_name_with_digit(const CdiSpec& spec) {
  return std::any_of(spec.devices.begin(), spec.devices.end(), [](const CdiDevice& device) {
    return device.name.substr(0, 1).find_first_of("0123456789") != std::string::npos;
  });
}

bool has_mount_type(const CdiSpec& spec) {
  return any_edits(spec, [](const CdiEdits& edits) {
    return std::any_of(edits.mounts.begin(), edits.mounts.end(),
                       [](const CdiMount& mount) { return !mount.type.empty(); });
  });
}

struct Novelty {
  std::string_view version;
  std::string_view what;
  bool (*present)(const CdiSpec& spec);
};
// Newest first.
constexpr std::array kNovelties{
    Novelty{"1.1.0", "\"netDevices\"", has_net_devices},
    Novelty{"1.1.0", "\"schemata\" and \"enableMonitoring\"", has_schemata},
    Novelty{"0.7.0", "\"additionalGids\"", has_additional_gids},
    Novelty{"0.7.0", "\"intelRdt\"", has_intel_rdt},
    Novelty{"0.6.0", "\"annotations\"", has_annotations},
    Novelty{"0.6.0", "a class with a dot", has_dotted_class},
    Novelty{"0.5.0", "\"hostPath\" of a device node", has_host_path},
    Novelty{"0.5.0", "a device name that begins with a digit", has_name_with_digit},
    Novelty{"0.4.0", "\"type\" of a mount", has_mount_type},
};

const Novelty* newest(const CdiSpec& spec) {
  const auto* const found =
      std::find_if(kNovelties.begin(), kNovelties.end(),
                   [&spec](const Novelty& novelty) { return novelty.present(spec); });
  return found == kNovelties.end() ? nullptr : found;
}

}  // namespace

std::string lowest_cdi_version(const CdiSpec& spec) {
  const Novelty* const novelty = newest(spec);
  return std::string(novelty == nullptr ? kVersions.front() : novelty->version);
}

namespace formats {

Status check_cdi_version(const CdiSpec& spec) {
  if (std::find(kVersions.begin(), kVersions.end(), spec.version) == kVersions.end()) {
    return fail(ErrorKind::kBadInput,
                concat("\"cdiVersion\" ", in_quotes(spec.version), " is unknown"),
                concat("known are ", kVersions.front(), " to ", kVersions.back()));
  }
  // Versions have one digit each, so that their texts compare as they do.
  const Novelty* const novelty = newest(spec);
  if (novelty != nullptr && spec.version < novelty->version) {
    return fail(ErrorKind::kBadInput, concat("\"cdiVersion\" ", spec.version, " does not have ",
                                             novelty->what, ": ", novelty->version, " does"));
  }
  if (has_old_monitoring(spec) && spec.version >= "1.1.0") {
    return fail(ErrorKind::kBadInput, concat("\"cdiVersion\" ", spec.version,
                                             " no longer has \"enableCMT\" and \"enableMBM\""));
  }
  return {};
}

}  // namespace formats
}  // namespace gpuhook
