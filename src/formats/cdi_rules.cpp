// SPDX-License-Identifier: Apache-2.0
// What the Container Device Interface demands of a specification's values.
#include "formats/cdi_rules.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "base/try.h"
#include "formats/utf8.h"

namespace gpuhook {
namespace {

constexpr std::array<std::string_view, 5> kNodeTypes{"", "b", "c", "u", "p"};
constexpr std::array<std::string_view, 6> kStages{
    "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"};
constexpr std::size_t kMaxInterfaceName = 15;  // IFNAMSIZ with its NUL is 16
constexpr std::size_t kMaxClosId = 4095;

tl::unexpected<Error> bad(std::string what) { return fail(ErrorKind::kBadInput, std::move(what)); }

// Every text of a specification ends up on one line of a log or in a C string.
Status check_text(std::string_view name, std::string_view text) {
  if (!formats::is_utf8(text)) return bad(concat(in_quotes(name), " is not UTF-8"));
  const bool clean = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!clean) return bad(concat(in_quotes(name), " has a control character"));
  return {};
}

Status check_required(std::string_view name, std::string_view text) {
  if (text.empty()) return bad(concat("no ", in_quotes(name)));
  return check_text(name, text);
}

Status check_absolute(std::string_view name, std::string_view path) {
  TRY(check_required(name, path));
  if (!path.starts_with('/'))
    return bad(concat(in_quotes(name), " ", in_quotes(path), " is not absolute"));
  return {};
}

std::string at(std::string_view list, std::size_t index) { return concat(list, "[", index, "]"); }

Status check_texts(std::string_view list, const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) TRY(check_text(at(list, i), texts[i]));
  return {};
}

Status check_env(const std::vector<std::string>& env) {
  for (std::size_t i = 0; i < env.size(); ++i) {
    TRY(check_text(at("env", i), env[i]));
    const std::size_t equals = env[i].find('=');
    if (equals == std::string::npos || equals == 0)
      return bad(concat(at("env", i), " ", in_quotes(env[i]), " is not NAME=value"));
  }
  return {};
}

Status check_number(std::string_view name, const std::optional<std::int64_t>& number) {
  if (number && (*number < 0 || *number > std::int64_t{UINT32_MAX}))
    return bad(concat(in_quotes(name), " ", *number, " is no device number"));
  return {};
}

Status check(const CdiDeviceNode& node) {
  TRY(check_absolute("path", node.path));
  TRY(check_text("hostPath", node.host_path));
  if (std::find(kNodeTypes.begin(), kNodeTypes.end(), node.type) == kNodeTypes.end())
    return bad(concat("\"type\" ", in_quotes(node.type), " is not b, c, u or p"));
  TRY(check_number("major", node.major));
  TRY(check_number("minor", node.minor));
  const bool letters = node.permissions.find_first_not_of("rwm") == std::string::npos;
  if (!letters && node.permissions != "none") {
    return bad(concat("\"permissions\" ", in_quotes(node.permissions),
                      " is neither letters of \"rwm\" nor \"none\""));
  }
  return {};
}

Status check(const CdiMount& mount) {
  TRY(check_required("hostPath", mount.host_path));
  TRY(check_required("containerPath", mount.container_path));
  TRY(check_text("type", mount.type));
  return check_texts("options", mount.options);
}

Status check(const CdiHook& hook) {
  TRY(check_required("hookName", hook.hook_name));
  if (std::find(kStages.begin(), kStages.end(), hook.hook_name) == kStages.end())
    return bad(concat("\"hookName\" ", in_quotes(hook.hook_name), " is not a stage"));
  TRY(check_absolute("path", hook.path));
  TRY(check_texts("args", hook.args));
  TRY(check_env(hook.env));
  if (hook.timeout && *hook.timeout <= 0)
    return bad(concat("\"timeout\" ", *hook.timeout, " is not greater than zero"));
  return {};
}

// As the kernel names interfaces.
Status check_interface(std::string_view name, std::string_view text) {
  TRY(check_required(name, text));
  const bool fits = text.size() <= kMaxInterfaceName && text != "." && text != ".." &&
                    text.find_first_of("/: ") == std::string_view::npos;
  if (!fits) return bad(concat(in_quotes(name), " ", in_quotes(text), " names no interface"));
  return {};
}

Status check(const CdiNetDevice& device) {
  TRY(check_interface("hostInterfaceName", device.host_interface_name));
  return check_interface("name", device.name);
}

// A list of objects, each at its place.
template <class T>
Status check_each(std::string_view list, const std::vector<T>& elements) {
  for (std::size_t i = 0; i < elements.size(); ++i) TRY(doing(at(list, i), check(elements[i])));
  return {};
}

// Two interfaces cannot come from, or become, one.
Status check_unique(const std::vector<CdiNetDevice>& devices) {
  std::set<std::string_view> outside;
  std::set<std::string_view> inside;
  for (const CdiNetDevice& device : devices) {
    if (!outside.insert(device.host_interface_name).second)
      return bad(concat("netDevices: ", in_quotes(device.host_interface_name), " twice"));
    if (!inside.insert(device.name).second)
      return bad(concat("netDevices: ", in_quotes(device.name), " twice"));
  }
  return {};
}

// The class of service is a directory of the resctrl file system.
Status check(const CdiIntelRdt& rdt) {
  TRY(check_text("closID", rdt.clos_id));
  const bool fits = rdt.clos_id.size() <= kMaxClosId && rdt.clos_id != "." && rdt.clos_id != ".." &&
                    rdt.clos_id.find('/') == std::string::npos;
  if (!fits) return bad(concat("\"closID\" ", in_quotes(rdt.clos_id), " is no name of a file"));
  TRY(check_text("l3CacheSchema", rdt.l3_cache_schema));
  TRY(check_text("memBwSchema", rdt.mem_bw_schema));
  return check_texts("schemata", rdt.schemata);
}

Status check(const CdiEdits& edits) {
  TRY(check_env(edits.env));
  TRY(check_each("deviceNodes", edits.device_nodes));
  TRY(check_each("netDevices", edits.net_devices));
  TRY(check_unique(edits.net_devices));
  TRY(check_each("mounts", edits.mounts));
  TRY(check_each("hooks", edits.hooks));
  if (edits.intel_rdt) TRY(doing("intelRdt", check(*edits.intel_rdt)));
  return {};
}

Status check_annotations(const std::map<std::string, std::string>& annotations) {
  TRY(formats::check_cdi_annotations(annotations));
  for (const auto& [key, value] : annotations) TRY(doing("annotations", check_text(key, value)));
  return {};
}

Status check(const CdiDevice& device) {
  TRY(check_required("name", device.name));
  TRY(formats::check_cdi_device_name(device.name));
  TRY(check_annotations(device.annotations));
  if (device.edits == CdiEdits()) return bad("\"containerEdits\" is empty");
  return check(device.edits);
}

Status check_devices(const std::vector<CdiDevice>& devices) {
  if (devices.empty()) return bad("no \"devices\"");
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const CdiDevice& device = devices[i];
    std::string place = at("devices", i);
    if (!device.name.empty()) place += concat(" ", in_quotes(device.name));
    TRY(doing(place, check(device)));
    if (!names.insert(device.name).second)
      return bad(concat(place, ": a device of this name before"));
  }
  return {};
}

}  // namespace

Status check_cdi_spec(const CdiSpec& spec) {
  TRY(check_required("cdiVersion", spec.version));
  TRY(check_required("kind", spec.kind));
  TRY(doing("kind", formats::check_cdi_kind(spec.kind)));
  TRY(check_annotations(spec.annotations));
  TRY(check_devices(spec.devices));
  TRY(doing("containerEdits", check(spec.edits)));
  return formats::check_cdi_version(spec);
}

}  // namespace gpuhook
