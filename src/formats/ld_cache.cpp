// SPDX-License-Identifier: Apache-2.0
// Reads, merges and writes the dynamic loader's cache. See the drawing in the header.
#include "formats/ld_cache.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::formats {
namespace {

constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
constexpr std::string_view kOldMagic = "ld.so-1.7.0";
constexpr std::size_t kOldHeaderBytes = 16;  // magic with its NUL, padding, u32 count
constexpr std::size_t kOldEntryBytes = 12;
constexpr std::size_t kHeaderBytes = 48;
constexpr std::size_t kEntryBytes = 24;
constexpr std::uint32_t kExtensionMagic = 0xeaa42174;
constexpr std::uint32_t kTagGenerator = 0;
constexpr std::uint32_t kTagHwcaps = 1;
constexpr std::size_t kSectionBytes = 16;
constexpr std::string_view kGenerator = "gpu-hook";
constexpr std::uint8_t kLittleEndian = 2;
// Entries may share their texts, so that a small file can describe terabytes.
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxPathBytes = 4095;
constexpr std::size_t kMaxEntries = 65536;
constexpr std::size_t kMaxHwcaps = 256;
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20U;

// Bytes whose every read is checked.
class View {
 public:
  explicit View(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class Number>
  [[nodiscard]] std::optional<Number> at(std::size_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(Number)) return std::nullopt;
    Number value{};
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  // The NUL-terminated text at `offset`; nothing when it runs past the end or over `limit` bytes.
  [[nodiscard]] std::optional<std::string_view> text(std::size_t offset, std::size_t limit) const {
    if (offset >= bytes_.size()) return std::nullopt;
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + offset,
                                std::min(bytes_.size() - offset, limit + 1));
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    return rest.substr(0, end);
  }

  [[nodiscard]] bool starts_with(std::string_view magic) const {
    return bytes_.size() >= magic.size() &&
           std::memcmp(bytes_.data(), magic.data(), magic.size()) == 0;
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] View from(std::size_t offset) const { return View(bytes_.subspan(offset)); }

 private:
  std::span<const std::byte> bytes_;
};

tl::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::kBadInput, concat("not a usable ld.so.cache: ", why));
}

// Steps over the old header, if there is one, to the eight-byte boundary where the new one begins.
Result<View> find_new_format(View file) {
  if (!file.starts_with(kOldMagic)) return file;
  const auto count = file.at<std::uint32_t>(12);
  if (!count || *count > file.size() / kOldEntryBytes)
    return malformed("old header with an impossible count");
  const std::size_t end = kOldHeaderBytes + std::size_t{*count} * kOldEntryBytes;
  const std::size_t aligned = (end + 7) & ~std::size_t{7};
  if (aligned > file.size()) return malformed("old header without a new one");
  return file.from(aligned);
}

Result<LdCacheEntry> read_entry(View cache, std::size_t offset) {
  const auto flags = cache.at<std::int32_t>(offset);
  const auto name = cache.at<std::uint32_t>(offset + 4);
  const auto path = cache.at<std::uint32_t>(offset + 8);
  const auto hwcap = cache.at<std::uint64_t>(offset + 16);
  if (!flags || !name || !path || !hwcap) return malformed("entry past the end");
  const auto name_text = cache.text(*name, kMaxNameBytes);
  const auto path_text = cache.text(*path, kMaxPathBytes);
  if (!name_text || !path_text) return malformed("name past the end");
  return LdCacheEntry{.flags = *flags,
                      .name = std::string(*name_text),
                      .path = std::string(*path_text),
                      .hwcap = *hwcap};
}

Result<std::vector<std::string>> read_hwcaps(View cache, std::uint32_t offset, std::uint32_t size) {
  std::vector<std::string> names;
  if (size % 4 != 0 || size / 4 > kMaxHwcaps) return malformed("impossible hwcaps section");
  for (std::uint32_t i = 0; i < size / 4; ++i) {
    const auto name = cache.at<std::uint32_t>(std::size_t{offset} + std::size_t{i} * 4);
    const auto text = name ? cache.text(*name, kMaxNameBytes) : std::nullopt;
    if (!text) return malformed("hwcaps name past the end");
    names.emplace_back(*text);
  }
  return names;
}

Result<std::vector<std::string>> read_extensions(View cache, std::uint32_t offset) {
  if (offset == 0) return std::vector<std::string>();
  const auto magic = cache.at<std::uint32_t>(offset);
  const auto count = cache.at<std::uint32_t>(std::size_t{offset} + 4);
  if (!magic || !count || *magic != kExtensionMagic || *count > cache.size() / kSectionBytes) {
    return malformed("impossible extension");
  }
  for (std::uint32_t i = 0; i < *count; ++i) {
    const std::size_t section = std::size_t{offset} + 8 + std::size_t{i} * kSectionBytes;
    const auto tag = cache.at<std::uint32_t>(section);
    const auto start = cache.at<std::uint32_t>(section + 8);
    const auto size = cache.at<std::uint32_t>(section + 12);
    if (!tag || !start || !size) return malformed("extension past the end");
    if (*tag == kTagHwcaps) return read_hwcaps(cache, *start, *size);
  }
  return std::vector<std::string>();
}

// Descending by name and kind, as the loader's bisection expects; stable, so that what was put
// first stays first.
void sort_entries(std::vector<LdCacheEntry>& entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const LdCacheEntry& left, const LdCacheEntry& right) {
                     const int order = compare_names(left.name, right.name);
                     return order != 0 ? order > 0 : left.flags > right.flags;
                   });
}

class Writer {
 public:
  explicit Writer(std::size_t reserve) { bytes_.reserve(reserve); }

  template <class Number>
  void put(Number value) {
    const auto* const raw = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), raw, raw + sizeof value);
  }
  void put(std::string_view text) {
    const auto* const raw = reinterpret_cast<const std::byte*>(text.data());
    bytes_.insert(bytes_.end(), raw, raw + text.size());
  }
  void align(std::size_t boundary) {
    bytes_.resize((bytes_.size() + boundary - 1) / boundary * boundary);
  }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(bytes_.size()); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// The string table: each text once, addressed from the start of the file.
class Strings {
 public:
  explicit Strings(std::size_t start) : start_(start) {}
  std::uint32_t offset_of(const std::string& text) {
    const auto [found, added] =
        offsets_.try_emplace(text, static_cast<std::uint32_t>(start_ + table_.size()));
    if (added) table_.append(text).push_back('\0');
    return found->second;
  }
  [[nodiscard]] const std::string& table() const { return table_; }

 private:
  std::size_t start_;
  std::string table_;
  std::unordered_map<std::string, std::uint32_t> offsets_;
};

void put_extensions(Writer& out, const std::vector<std::uint32_t>& hwcaps) {
  const std::uint32_t sections = hwcaps.empty() ? 1 : 2;
  const std::uint32_t hwcaps_start =
      out.size() + 8 + sections * static_cast<std::uint32_t>(kSectionBytes);
  const auto hwcaps_bytes = static_cast<std::uint32_t>(hwcaps.size() * 4);
  out.put(kExtensionMagic);
  out.put(sections);
  for (const std::uint32_t value : {kTagGenerator, 0U, hwcaps_start + hwcaps_bytes,
                                    static_cast<std::uint32_t>(kGenerator.size())}) {
    out.put(value);
  }
  if (!hwcaps.empty()) {
    for (const std::uint32_t value : {kTagHwcaps, 0U, hwcaps_start, hwcaps_bytes}) out.put(value);
  }
  for (const std::uint32_t offset : hwcaps) out.put(offset);
  out.put(kGenerator);
}

bool is_digit(std::string_view text) { return !text.empty() && text[0] >= '0' && text[0] <= '9'; }

// Steps over a run of digits in both texts and compares the numbers, which may have any length.
int compare_digit_runs(std::string_view& left, std::string_view& right) {
  const auto take_run = [](std::string_view& text) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    std::string_view run = text.substr(0, end);
    text.remove_prefix(end);
    run.remove_prefix(std::min(run.find_first_not_of('0'), run.size()));
    return run;
  };
  const std::string_view left_run = take_run(left);
  const std::string_view right_run = take_run(right);
  if (left_run.size() != right_run.size()) return left_run.size() < right_run.size() ? -1 : 1;
  return left_run.compare(right_run);
}

// Steps over one byte in both texts.
int compare_first_bytes(std::string_view& left, std::string_view& right) {
  if (right.empty()) return 1;
  const int order = static_cast<int>(left[0]) - right[0];
  left.remove_prefix(1);
  right.remove_prefix(1);
  return order;
}

}  // namespace

int compare_names(std::string_view left, std::string_view right) {
  while (!left.empty()) {
    if (is_digit(left) != is_digit(right)) return is_digit(left) ? 1 : -1;
    const int order =
        is_digit(left) ? compare_digit_runs(left, right) : compare_first_bytes(left, right);
    if (order != 0) return order;
  }
  return right.empty() ? 0 : -1;
}

Result<LdCache> parse_ld_cache(std::span<const std::byte> bytes) {
  if (bytes.size() > kMaxLdCacheBytes) return malformed("too large");
  const View cache = TRY(find_new_format(View(bytes)));
  if (!cache.starts_with(kMagic)) return malformed("unknown format");
  const auto count = cache.at<std::uint32_t>(20);
  const auto byte_order = cache.at<std::uint8_t>(28);
  const auto extension = cache.at<std::uint32_t>(32);
  if (!count || !extension || cache.size() < kHeaderBytes) return malformed("header cut off");
  if ((*byte_order & 3U) != 0 && (*byte_order & 3U) != kLittleEndian)
    return malformed("foreign byte order");
  if (*count > (cache.size() - kHeaderBytes) / kEntryBytes)
    return malformed("more entries than bytes");
  if (*count > kMaxEntries) return malformed("too many entries");
  LdCache parsed;
  parsed.entries.reserve(*count);
  std::size_t text_bytes = 0;
  for (std::uint32_t i = 0; i < *count; ++i) {
    parsed.entries.push_back(TRY(read_entry(cache, kHeaderBytes + std::size_t{i} * kEntryBytes)));
    text_bytes += parsed.entries.back().name.size() + parsed.entries.back().path.size();
    if (text_bytes > kMaxTextBytes) return malformed("too much text");
  }
  parsed.hwcaps = TRY(read_extensions(cache, *extension));
  return parsed;
}

std::vector<std::byte> encode_ld_cache(LdCache cache) {
  sort_entries(cache.entries);
  const std::size_t strings_start = kHeaderBytes + cache.entries.size() * kEntryBytes;
  Strings strings(strings_start);
  std::vector<std::uint32_t> hwcaps;
  for (const std::string& name : cache.hwcaps) hwcaps.push_back(strings.offset_of(name));
  Writer entries(strings_start);
  for (const LdCacheEntry& entry : cache.entries) {
    entries.put(entry.flags);
    entries.put(strings.offset_of(entry.name));
    entries.put(strings.offset_of(entry.path));
    entries.put(std::uint32_t{0});
    entries.put(entry.hwcap);
  }
  const std::size_t extension = (strings_start + strings.table().size() + 3) / 4 * 4;
  Writer out(extension + 64 + hwcaps.size() * 4);
  out.put(kMagic);
  out.put(static_cast<std::uint32_t>(cache.entries.size()));
  out.put(static_cast<std::uint32_t>(strings.table().size()));
  out.put(std::uint32_t{kLittleEndian});  // and three bytes of padding
  out.put(static_cast<std::uint32_t>(extension));
  for (int unused = 0; unused < 3; ++unused) out.put(std::uint32_t{0});
  const std::vector<std::byte> table = entries.take();
  out.put(std::string_view(reinterpret_cast<const char*>(table.data()), table.size()));
  out.put(std::string_view(strings.table()));
  out.align(4);
  put_extensions(out, hwcaps);
  return out.take();
}

LdCache merge_ld_cache(const LdCache& existing, std::span<const LdCacheEntry> preferred) {
  LdCache merged{.entries = {preferred.begin(), preferred.end()}, .hwcaps = existing.hwcaps};
  std::unordered_multimap<std::string_view, const LdCacheEntry*> ours;
  for (const LdCacheEntry& entry : preferred) ours.emplace(entry.name, &entry);
  const auto superseded = [&ours](const LdCacheEntry& entry) {
    const auto [first, last] = ours.equal_range(entry.name);
    return std::any_of(first, last, [&entry](const auto& named) {
      const LdCacheEntry& mine = *named.second;
      return mine.flags == entry.flags && (entry.hwcap != 0 || mine.path == entry.path);
    });
  };
  for (const LdCacheEntry& entry : existing.entries) {
    if (!superseded(entry)) merged.entries.push_back(entry);
  }
  return merged;
}

}  // namespace gpuhook::formats
