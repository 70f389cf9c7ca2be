// SPDX-License-Identifier: Apache-2.0
// The dynamic loader's cache of library names, /etc/ld.so.cache, format "glibc-ld.so.cache1.1"
// (glibc 2.2 and later).
//
//   offset 0   "glibc-ld.so.cache" "1.1"                20 bytes
//          20  u32 entry count
//          24  u32 string bytes
//          28  u8  byte order (0 unset, 2 little), 3 bytes of padding
//          32  u32 extension offset (0: none), 3 x u32 unused
//          48  entries: i32 flags, u32 name, u32 path, u32 unused, u64 hwcap      24 bytes each
//          ..  strings, each ended by NUL; name and path are offsets from offset 0
//   ext    +0  u32 0xeaa42174, u32 section count
//          +8  sections: u32 tag, u32 flags, u32 offset, u32 size
//              tag 0: generator text   tag 1: u32 string offsets of the glibc-hwcaps directories
//
// An older header, "ld.so-1.7.0", may precede all of that. Numbers are in the host's byte order
// (little endian here). The loader searches names by bisection, so entries are sorted by
// compare_names, descending; of equal names the first usable one wins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/result.h"

namespace gpuhook::formats {

// Kinds of library, as glibc's sysdeps/generic/ldconfig.h numbers them.
inline constexpr std::int32_t kLibc6X8664 = 0x0303;
inline constexpr std::int32_t kLibc6I386 = 0x0003;
inline constexpr std::int32_t kLibc6Aarch64 = 0x0a03;
inline constexpr std::int32_t kLibc6ArmHardFloat = 0x0903;

struct LdCacheEntry {
  std::int32_t flags = kLibc6X8664;
  std::string name;
  std::string path;
  std::uint64_t hwcap = 0;  // non-zero: usable on some processors only
  bool operator==(const LdCacheEntry&) const = default;
};

struct LdCache {
  std::vector<LdCacheEntry> entries;  // in file order
  std::vector<std::string>
      hwcaps;  // names of glibc-hwcaps directories, indexed by the low half of an entry's hwcap
  bool operator==(const LdCache&) const = default;
};

inline constexpr std::size_t kMaxLdCacheBytes = std::size_t{32} << 20U;

// Every offset and count is checked; the bytes may be hostile.
// Errors: kBadInput when no well-formed cache of the supported format is found.
Result<LdCache> parse_ld_cache(std::span<const std::byte> bytes);

// Sorts, then writes. parse_ld_cache(encode_ld_cache(c)) gives the sorted c.
std::vector<std::byte> encode_ld_cache(LdCache cache);

// The cache with `preferred` found before anything of the same name and kind in `existing`; an
// entry of `existing` equal to a preferred one, or of the same name and kind for special processors
// (which would be chosen over ours), is left out.
LdCache merge_ld_cache(const LdCache& existing, std::span<const LdCacheEntry> preferred);

// glibc's order of names: runs of digits count as numbers. Negative, zero or positive.
int compare_names(std::string_view left, std::string_view right);

}  // namespace gpuhook::formats
