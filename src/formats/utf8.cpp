// SPDX-License-Identifier: Apache-2.0
#include "formats/utf8.h"

namespace gpuhook::formats {
namespace {

// Sequences by their first byte (Unicode, table 3-7): how many bytes follow, and from where to
// where the second one may be; later ones are 80..BF.
struct Sequence {
  unsigned char first, last;
  unsigned char more;
  unsigned char second_min, second_max;
};
constexpr Sequence kSequences[] = {
    {0x00, 0x7f, 0, 0x00, 0x00}, {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

// The bytes of the sequence at the beginning; 0 when it is malformed.
std::size_t sequence_size(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const Sequence& each : kSequences) {
    if (byte(0) < each.first || byte(0) > each.last) continue;
    if (text.size() <= each.more) return 0;
    for (std::size_t i = 1; i <= each.more; ++i) {
      const unsigned char min = i == 1 ? each.second_min : 0x80;
      const unsigned char max = i == 1 ? each.second_max : 0xbf;
      if (byte(i) < min || byte(i) > max) return 0;
    }
    return std::size_t{each.more} + 1;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace gpuhook::formats
