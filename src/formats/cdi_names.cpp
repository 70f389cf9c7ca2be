// SPDX-License-Identifier: Apache-2.0
// Names of the Container Device Interface: vendors, classes, devices, annotations.
#include <algorithm>

#include "base/text.h"
#include "base/try.h"
#include "formats/cdi_rules.h"

namespace gpuhook {
namespace formats {
namespace {

constexpr std::size_t kMaxVendor = 253;  // bytes, as of a DNS name
constexpr std::size_t kMaxClass = 63;
constexpr std::size_t kMaxAnnotationPrefix = 253;
constexpr std::size_t kMaxAnnotationName = 63;
constexpr std::size_t kMaxAnnotations = std::size_t{256} << 10U;

// Not the locale's idea of these.
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_letter(c) || is_digit(c); }

bool is_made_of(std::string_view name, std::string_view marks) {
  return std::all_of(name.begin(), name.end(), [marks](char c) {
    return is_alphanumeric(c) || marks.find(c) != std::string_view::npos;
  });
}

// The rule that all names share: alphanumeric at both ends, `marks` allowed between.
bool is_name(std::string_view name, std::string_view marks) {
  return !name.empty() && is_alphanumeric(name.front()) && is_alphanumeric(name.back()) &&
         is_made_of(name, marks);
}

Status check_name(std::string_view what, std::string_view name, std::size_t limit) {
  if (is_name(name, "-_.") && is_letter(name.front()) && name.size() <= limit) return {};
  return fail(ErrorKind::kBadInput, concat(in_quotes(name), " is no name of a ", what),
              concat("it begins with a letter, ends with a letter or digit, has letters, digits, "
                     "\"-\", \"_\" and \".\" between, and at most ",
                     limit, " bytes"));
}

bool is_dns_label(std::string_view label) {
  return is_name(label, "-") && label.size() <= kMaxAnnotationName;
}

bool is_dns_name(std::string_view name) {
  const std::vector<std::string_view> labels = split(name, '.');
  return name.size() <= kMaxAnnotationPrefix &&
         std::all_of(labels.begin(), labels.end(), is_dns_label);
}

// "name" or "dns.prefix/name".
bool is_annotation_key(std::string_view key) {
  const std::size_t slash = key.find('/');
  const bool prefixed = slash != std::string_view::npos;
  if (prefixed && !is_dns_name(key.substr(0, slash))) return false;
  const std::string_view name = prefixed ? key.substr(slash + 1) : key;
  return is_name(name, "-_.") && name.size() <= kMaxAnnotationName;
}

}  // namespace

Status check_cdi_kind(std::string_view kind) {
  const std::size_t slash = kind.find('/');
  if (slash == std::string_view::npos)
    return fail(ErrorKind::kBadInput, concat(in_quotes(kind), " is no kind: no \"/\""));
  TRY(check_name("vendor", kind.substr(0, slash), kMaxVendor));
  return check_name("class", kind.substr(slash + 1), kMaxClass);
}

Status check_cdi_device_name(std::string_view name) {
  if (is_name(name, "-_.:")) return {};
  return fail(ErrorKind::kBadInput, concat(in_quotes(name), " is no name of a device"),
              "it begins and ends with a letter or digit and has letters, digits, \"-\", \"_\", "
              "\".\" and \":\" between");
}

Status check_cdi_annotations(const std::map<std::string, std::string>& annotations) {
  std::size_t size = 0;
  for (const auto& [key, value] : annotations) {
    if (!is_annotation_key(key))
      return fail(ErrorKind::kBadInput, concat(in_quotes(key), " is no key of an annotation"));
    size += key.size() + value.size();
  }
  if (size <= kMaxAnnotations) return {};
  return fail(ErrorKind::kBadInput, concat("annotations of more than ", kMaxAnnotations, " bytes"));
}

}  // namespace formats

Result<CdiName> parse_cdi_name(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return fail(ErrorKind::kBadInput, concat(in_quotes(text), " is no full name of a device"),
                "it has the form vendor/class=device");
  }
  const std::string_view kind = text.substr(0, equals);
  const std::string_view device = text.substr(equals + 1);
  TRY(formats::check_cdi_kind(kind));
  TRY(formats::check_cdi_device_name(device));
  const std::size_t slash = kind.find('/');
  return CdiName{.vendor = std::string(kind.substr(0, slash)),
                 .cls = std::string(kind.substr(slash + 1)),
                 .device = std::string(device)};
}

bool is_qualified_cdi_name(std::string_view text) { return parse_cdi_name(text).has_value(); }

}  // namespace gpuhook
