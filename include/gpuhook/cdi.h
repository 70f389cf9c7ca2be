// SPDX-License-Identifier: Apache-2.0
// Specifications of the Container Device Interface (CDI), versions 0.3.0 to 1.1.0, as values: what
// a container engine adds to a container for a device called vendor/class=name.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/result.h"

namespace gpuhook {

// Empty texts and lists stand for members that a document leaves out.

struct CdiDeviceNode {
  std::string path;       // in the container
  std::string host_path;  // empty: as `path`
  std::string type;       // "b", "c", "u", "p"; empty: as the node on the host
  std::optional<std::int64_t> major;
  std::optional<std::int64_t> minor;
  std::optional<std::uint32_t> file_mode;
  std::string permissions;  // of the device cgroup: letters of "rwm", or "none"; empty: "rwm"
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  bool operator==(const CdiDeviceNode&) const = default;
};

struct CdiMount {
  std::string host_path;
  std::string container_path;
  std::string type;
  std::vector<std::string> options;
  bool operator==(const CdiMount&) const = default;
};

struct CdiHook {
  std::string hook_name;  // a stage of the OCI runtime specification, "createContainer"
  std::string path;
  std::vector<std::string> args;  // with the program's name
  std::vector<std::string> env;
  std::optional<std::int64_t> timeout;  // seconds
  bool operator==(const CdiHook&) const = default;
};

// A network interface that moves into the container. Since 1.1.0.
struct CdiNetDevice {
  std::string host_interface_name;
  std::string name;  // in the container
  bool operator==(const CdiNetDevice&) const = default;
};

// Resource control as the OCI runtime specification has it; kept, never interpreted.
struct CdiIntelRdt {
  std::string clos_id;
  std::string l3_cache_schema;
  std::string mem_bw_schema;
  std::vector<std::string> schemata;  // since 1.1.0
  bool enable_monitoring = false;     // since 1.1.0
  bool enable_cmt = false;            // before 1.1.0
  bool enable_mbm = false;            // before 1.1.0
  bool operator==(const CdiIntelRdt&) const = default;
};

struct CdiEdits {
  std::vector<std::string> env;  // NAME=value
  std::vector<CdiDeviceNode> device_nodes;
  std::vector<CdiNetDevice> net_devices;
  std::vector<CdiMount> mounts;
  std::vector<CdiHook> hooks;
  std::vector<std::uint32_t> additional_gids;
  std::optional<CdiIntelRdt> intel_rdt;
  bool operator==(const CdiEdits&) const = default;
};

struct CdiDevice {
  std::string name;
  std::map<std::string, std::string> annotations;
  CdiEdits edits;
  bool operator==(const CdiDevice&) const = default;
};

struct CdiSpec {
  std::string version;  // "0.5.0"
  std::string kind;     // "vendor.com/class"
  std::map<std::string, std::string> annotations;
  std::vector<CdiDevice> devices;
  CdiEdits edits;  // for a container with any of the devices, once
  bool operator==(const CdiSpec&) const = default;
};

enum class CdiFormat : std::uint8_t { kJson, kYaml };

// Reads a specification as strictly as the strictest engine: a member that the CDI does not know, a
// key twice, a number where text belongs are errors, and so is everything check_cdi_spec refuses.
//
// Errors: kBadInput, naming the place: devices[2] "1:0": mounts[0]: no "hostPath".
Result<CdiSpec> parse_cdi_spec(std::string_view text, CdiFormat format);

// Whether the value keeps the rules of the specification. Where the specification's text and the
// engines' common loader differ about names (may a vendor have an underscore?), the loader's rule
// holds, with the lengths of the text: 253 bytes for a vendor, 63 for a class.
//
// Errors: kBadInput, naming the place as above.
Status check_cdi_spec(const CdiSpec& spec);

// The lowest version whose rules allow the content, whatever `spec.version` says. Engines refuse
// versions they do not know: the lowest is readable by most.
std::string lowest_cdi_version(const CdiSpec& spec);

// The specification as a document, members in the order of the CDI's text. Deterministic;
// parse_cdi_spec gives the same value back if check_cdi_spec accepts it. Of a value that is refused
// the document is for reading only, and empty where YAML cannot say it.
std::string cdi_spec_as_text(const CdiSpec& spec, CdiFormat format);

// The parts of a device's full name, "nvidia.com/gpu=0".
struct CdiName {
  std::string vendor;
  std::string cls;
  std::string device;
  bool operator==(const CdiName&) const = default;
};

// Errors: kBadInput naming the part that breaks a rule.
Result<CdiName> parse_cdi_name(std::string_view text);
bool is_qualified_cdi_name(std::string_view text);

}  // namespace gpuhook
