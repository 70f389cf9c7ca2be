// SPDX-License-Identifier: Apache-2.0
// One table of members for each object of a CDI specification, for reading and for writing.
#include "gpuhook/cdi.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"
#include "formats/yaml.h"

namespace gpuhook {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr formats::JsonLimits kLimits{.bytes = std::size_t{4} << 20U, .depth = 16};

// A member of an object: how it gets into a T and out of it.
template <class T>
struct Field {
  std::string_view name;
  Status (*read)(const json& value, std::string_view name, T& into);
  ordered_json (*write)(const T& from);  // null when there is nothing to write
};

// The members of T, in the order in which they are written; specialised below.
template <class T>
constexpr int kFields = 0;

std::string at(std::string_view list, std::size_t index) { return concat(list, "[", index, "]"); }

// An element of a list in messages: devices[2] "1:0".
std::string place_of(std::string_view list, std::size_t index, const json& element) {
  const auto name = element.find("name");
  if (list != "devices" || name == element.end() || !name->is_string()) return at(list, index);
  return concat(at(list, index), " ", in_quotes(name->get<std::string>()));
}

// How each type of member is read. Null stands for what is left out where that is possible, as it
// does for the readers of engines.
struct Reader {
  static tl::unexpected<Error> wrong_type(std::string_view name, std::string_view wanted) {
    return fail(ErrorKind::kBadInput, concat(in_quotes(name), " is not ", wanted));
  }

  static Status read(const json& value, std::string_view name, std::string& into) {
    if (!value.is_string()) return wrong_type(name, "a text");
    into = value.get<std::string>();
    return {};
  }

  static Status read(const json& value, std::string_view name, bool& into) {
    if (!value.is_boolean()) return wrong_type(name, "true or false");
    into = value.get<bool>();
    return {};
  }

  template <std::integral Number>
  static Status read(const json& value, std::string_view name, Number& into) {
    constexpr Number kMin = std::numeric_limits<Number>::min();
    constexpr Number kMax = std::numeric_limits<Number>::max();
    const bool fits =
        value.is_number_unsigned()
            ? std::cmp_less_equal(value.get<std::uint64_t>(), kMax)
            : value.is_number_integer() && std::cmp_greater_equal(value.get<std::int64_t>(), kMin);
    if (!fits) return wrong_type(name, concat("an integer from ", kMin, " to ", kMax));
    into = value.get<Number>();
    return {};
  }

  template <class T>
  static Status read(const json& value, std::string_view name, std::optional<T>& into) {
    if (value.is_null()) return {};
    return read(value, name, into.emplace());
  }

  static Status read(const json& value, std::string_view name,
                     std::map<std::string, std::string>& into) {
    if (value.is_null()) return {};
    if (!value.is_object()) return wrong_type(name, "an object");
    for (const auto& [key, text] : value.items()) TRY(doing(name, read(text, key, into[key])));
    return {};
  }

  static Status read(const json& value, std::string_view name, CdiEdits& into) {
    if (value.is_null()) return {};
    return read_object(value, name, into);
  }
  static Status read(const json& value, std::string_view name, CdiIntelRdt& into) {
    return doing(name, read_object(value, name, into));
  }

  template <class T>
  static Status read(const json& value, std::string_view name, std::vector<T>& into) {
    if (value.is_null()) return {};
    if (!value.is_array()) return wrong_type(name, "a list");
    if (!into.empty()) return fail(ErrorKind::kBadInput, concat(in_quotes(name), " twice"));
    for (const json& element : value) {
      const std::size_t index = into.size();
      TRY(read_element(element, name, index, into.emplace_back()));
    }
    return {};
  }

  template <class T>
  static Status read_element(const json& value, std::string_view list, std::size_t index, T& into) {
    if constexpr (std::integral<T> || std::same_as<T, std::string>) {
      return read(value, at(list, index), into);
    } else {
      if (!value.is_object()) return wrong_type(at(list, index), "an object");
      return doing(place_of(list, index, value), read_object(value, list, into));
    }
  }

  template <class T>
  static Status read_object(const json& value, std::string_view name, T& into) {
    if (!value.is_object()) return wrong_type(name, "an object");
    for (const auto& [key, member] : value.items()) {
      const auto field =
          std::find_if(kFields<T>.begin(), kFields<T>.end(),
                       [&key = key](const Field<T>& each) { return each.name == key; });
      if (field == kFields<T>.end())
        return fail(ErrorKind::kBadInput, concat("unknown member ", in_quotes(key)));
      TRY(field->read(member, field->name, into));
    }
    return {};
  }
};

// How each type of member is written; what is empty is left out.
struct Writer {
  template <class T>
  static ordered_json written(const T& value) {
    if constexpr (std::integral<T>) {
      return value;
    } else {
      return object(value);
    }
  }

  static ordered_json written(const bool& value) {
    return value ? ordered_json(true) : ordered_json();
  }
  static ordered_json written(const std::string& text) {
    return text.empty() ? ordered_json() : ordered_json(text);
  }
  static ordered_json written(const std::map<std::string, std::string>& texts) {
    return texts.empty() ? ordered_json() : ordered_json(texts);
  }
  static ordered_json written(const CdiEdits& edits) {
    return edits == CdiEdits() ? ordered_json() : object(edits);
  }

  template <class T>
  static ordered_json written(const std::optional<T>& value) {
    return value ? written(*value) : ordered_json();
  }

  template <class T>
  static ordered_json written(const std::vector<T>& values) {
    if (values.empty()) return {};
    ordered_json list = ordered_json::array();
    for (const T& value : values) {
      if constexpr (std::same_as<T, std::string>) {
        list.push_back(value);
      } else {
        list.push_back(written(value));
      }
    }
    return list;
  }

  template <class T>
  static ordered_json object(const T& from) {
    ordered_json out = ordered_json::object();
    for (const Field<T>& field : kFields<T>) {
      ordered_json value = field.write(from);
      if (!value.is_null()) out[std::string(field.name)] = std::move(value);
    }
    return out;
  }
};

// --- the tables ---

template <auto Member, class T, class Value>
constexpr Field<T> field_of(std::string_view name, Value T::* /*member*/) {
  return {.name = name,
          .read = [](const json& value, std::string_view called,
                     T& into) { return Reader::read(value, called, into.*Member); },
          .write = [](const T& from) { return Writer::written(from.*Member); }};
}
template <auto Member>
constexpr auto field(std::string_view name) {
  return field_of<Member>(name, Member);
}

// A second spelling, which is read only.
template <auto Member>
constexpr auto read_only(std::string_view name) {
  auto field = field_of<Member>(name, Member);
  field.write = [](const auto& /*from*/) { return ordered_json(); };
  return field;
}

template <>
constexpr auto kFields<CdiDeviceNode> = std::array{
    field<&CdiDeviceNode::path>("path"),
    field<&CdiDeviceNode::host_path>("hostPath"),
    field<&CdiDeviceNode::type>("type"),
    field<&CdiDeviceNode::major>("major"),
    field<&CdiDeviceNode::minor>("minor"),
    field<&CdiDeviceNode::file_mode>("fileMode"),
    field<&CdiDeviceNode::permissions>("permissions"),
    field<&CdiDeviceNode::uid>("uid"),
    field<&CdiDeviceNode::gid>("gid"),
};

template <>
constexpr auto kFields<CdiNetDevice> = std::array{
    field<&CdiNetDevice::host_interface_name>("hostInterfaceName"),
    field<&CdiNetDevice::name>("name"),
};

template <>
constexpr auto kFields<CdiMount> = std::array{
    field<&CdiMount::host_path>("hostPath"),
    field<&CdiMount::container_path>("containerPath"),
    field<&CdiMount::type>("type"),
    field<&CdiMount::options>("options"),
};

template <>
constexpr auto kFields<CdiHook> = std::array{
    field<&CdiHook::hook_name>("hookName"), field<&CdiHook::path>("path"),
    field<&CdiHook::args>("args"),          field<&CdiHook::env>("env"),
    field<&CdiHook::timeout>("timeout"),
};

template <>
constexpr auto kFields<CdiIntelRdt> = std::array{
    field<&CdiIntelRdt::clos_id>("closID"),
    field<&CdiIntelRdt::l3_cache_schema>("l3CacheSchema"),
    field<&CdiIntelRdt::mem_bw_schema>("memBwSchema"),
    field<&CdiIntelRdt::schemata>("schemata"),
    field<&CdiIntelRdt::enable_monitoring>("enableMonitoring"),
    field<&CdiIntelRdt::enable_cmt>("enableCMT"),
    field<&CdiIntelRdt::enable_mbm>("enableMBM"),
};

template <>
constexpr auto kFields<CdiEdits> = std::array{
    field<&CdiEdits::env>("env"),
    field<&CdiEdits::device_nodes>("deviceNodes"),
    field<&CdiEdits::net_devices>("netDevices"),
    field<&CdiEdits::mounts>("mounts"),
    field<&CdiEdits::hooks>("hooks"),
    field<&CdiEdits::additional_gids>("additionalGids"),
    // The CDI's text has both spellings, and engines read either.
    read_only<&CdiEdits::additional_gids>("additionalGIDs"),
    field<&CdiEdits::intel_rdt>("intelRdt"),
};

template <>
constexpr auto kFields<CdiDevice> = std::array{
    field<&CdiDevice::name>("name"),
    field<&CdiDevice::annotations>("annotations"),
    field<&CdiDevice::edits>("containerEdits"),
};

Status read_common_edits(const json& value, std::string_view name, CdiSpec& into) {
  return doing(name, Reader::read(value, name, into.edits));
}

template <>
constexpr auto kFields<CdiSpec> = std::array{
    field<&CdiSpec::version>("cdiVersion"),
    field<&CdiSpec::kind>("kind"),
    field<&CdiSpec::annotations>("annotations"),
    field<&CdiSpec::devices>("devices"),
    Field<CdiSpec>{.name = "containerEdits",
                   .read = read_common_edits,
                   .write = field<&CdiSpec::edits>("").write},
};

}  // namespace

Result<CdiSpec> parse_cdi_spec(std::string_view text, CdiFormat format) {
  const json document = TRY(format == CdiFormat::kJson ? formats::parse_json(text, kLimits)
                                                       : formats::parse_yaml(text, kLimits));
  if (!document.is_object()) return fail(ErrorKind::kBadInput, "the document is not an object");
  CdiSpec spec;
  TRY(Reader::read_object(document, "", spec));
  TRY(check_cdi_spec(spec));
  return spec;
}

std::string cdi_spec_as_text(const CdiSpec& spec, CdiFormat format) {
  const ordered_json document = Writer::object(spec);
  if (format == CdiFormat::kYaml) return formats::write_yaml(document).value_or("");
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace gpuhook
