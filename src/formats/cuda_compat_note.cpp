// SPDX-License-Identifier: Apache-2.0
// Takes the note apart; see the drawing in the header.
#include "formats/cuda_compat_note.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json.h"

namespace gpuhook::formats {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kMaxMajors = 64;
constexpr std::string_view kOwner = "NVIDIA Corporation";

tl::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::kBadInput, concat("not a note about forward compatibility: ", why));
}

std::size_t padded(std::size_t size) { return (size + 3) / 4 * 4; }

Result<std::string_view> description_of(std::span<const std::byte> note) {
  if (note.size() < kHeaderBytes) return malformed("too short");
  std::uint32_t name_size = 0;
  std::uint32_t description_size = 0;
  std::memcpy(&name_size, note.data(), sizeof name_size);
  std::memcpy(&description_size, note.data() + sizeof name_size, sizeof description_size);
  const std::string_view rest(reinterpret_cast<const char*>(note.data()) + kHeaderBytes,
                              note.size() - kHeaderBytes);
  const bool ours = rest.starts_with(kOwner) && name_size == kOwner.size() + 1 &&
                    rest.size() > kOwner.size() && rest[kOwner.size()] == '\0';
  if (!ours) return malformed("foreign owner");
  const std::size_t start = padded(name_size);
  if (start > rest.size() || description_size > rest.size() - start)
    return malformed("description past the end");
  const std::string_view description = rest.substr(start, description_size);
  return description.substr(0, description.find('\0'));
}

std::optional<std::uint32_t> major_in(const nlohmann::json& value) {
  if (value.is_string()) return number<std::uint32_t>(value.get_ref<const std::string&>());
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX) return std::nullopt;
  return value.get<std::uint32_t>();
}

}  // namespace

Result<std::vector<std::uint32_t>> parse_cuda_compat_note(std::span<const std::byte> note) {
  const std::string_view text = TRY(description_of(note));
  const nlohmann::json description =
      TRY(parse_json(text, {.bytes = 65536, .depth = 8, .values = 4096}));
  // Libraries have written it in lower case so far; documents about them begin it with a capital.
  const bool capital = description.is_object() && description.contains("Driver");
  const nlohmann::json* const drivers = TRY(member(description, capital ? "Driver" : "driver"));
  if (drivers == nullptr || !drivers->is_array()) return malformed("no list \"driver\"");
  std::vector<std::uint32_t> majors;
  for (const nlohmann::json& entry : *drivers) {
    const auto major = major_in(entry);
    if (!major || majors.size() == kMaxMajors) return malformed("\"driver\" is no list of majors");
    majors.push_back(*major);
  }
  return majors;
}

}  // namespace gpuhook::formats
