// SPDX-License-Identifier: Apache-2.0
// Writes blocks and takes them out. Both go through the text once, line by line.
#include "engines/marked_text.h"

#include <algorithm>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::engines {
namespace {

constexpr std::string_view kBegin = "# begin gpu-hook";
constexpr std::string_view kEnd = "# end gpu-hook";
constexpr std::string_view kReplaced = "# gpu-hook replaced:";  // and a blank
// What a block's first line can say besides: there was no file, or what is before the block had no
// line end, which had to be added.
constexpr std::string_view kNewFile = ", new file";
constexpr std::string_view kUnended = ", no line end before";

bool begins_block(std::string_view line) {
  return line == kBegin || line == concat(kBegin, kNewFile) || line == concat(kBegin, kUnended);
}

// What is written after a line: as after the first.
std::string_view line_end_of(std::string_view text) {
  return text.substr(0, text.find('\n')).ends_with('\r') ? "\r\n" : "\n";
}

// Takes lines of a marked text, and keeps those of the text of before.
class Unmarker {
 public:
  Status take(std::string_view line) {
    ++number_;
    const std::string_view mark = trimmed(line);
    if (begins_block(mark)) return begin(mark, line);
    if (mark == kEnd) return end();
    if (!in_block()) {
      out_.text += line;
    } else if (mark.starts_with(kReplaced)) {
      std::string_view replaced = line.substr(line.find(kReplaced) + kReplaced.size());
      // Editors take away blanks before line ends.
      if (replaced.starts_with(' ')) replaced.remove_prefix(1);
      out_.text += replaced;
    }
    return {};
  }

  Result<Unmarked> finish() {
    if (in_block()) return unfinished();
    // Somebody who appended to the file wants his line to begin a line.
    if (unended_at_ == out_.text.size()) {
      // The mark was written with the same line end.
      if (out_.text.ends_with(line_end_)) out_.text.resize(out_.text.size() - line_end_.size());
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool in_block() const { return begun_ != 0; }

  [[nodiscard]] tl::unexpected<Error> unfinished() const {
    return fail(ErrorKind::kBadInput, concat("line ", begun_, ": no ", in_quotes(kEnd), " follows"),
                "take out by hand what gpu-hook wrote there");
  }

  Status begin(std::string_view mark, std::string_view line) {
    if (in_block()) return unfinished();
    if (mark.ends_with(kUnended)) line_end_ = line_end_of(line);
    begun_ = number_;
    unended_ = mark.ends_with(kUnended);
    out_.new_file = out_.new_file || mark.ends_with(kNewFile);
    return {};
  }

  Status end() {
    if (!in_block()) {
      return fail(ErrorKind::kBadInput,
                  concat("line ", number_, ": ", in_quotes(kEnd), " without a beginning"),
                  "take out by hand what gpu-hook wrote there");
    }
    if (unended_) unended_at_ = out_.text.size();
    begun_ = 0;
    return {};
  }

  Unmarked out_;
  std::size_t number_ = 0;
  std::size_t begun_ = 0;  // the number of the line that began the block
  bool unended_ = false;
  std::string_view line_end_;
  std::size_t unended_at_ = std::string::npos;
};

void append_block(std::string& out, const Block& block,
                  const std::vector<std::string_view>& replaced, std::string_view line_end,
                  bool new_file) {
  const bool unended = (!out.empty() && !out.ends_with('\n')) ||
                       (!replaced.empty() && !replaced.back().ends_with('\n'));
  if (!out.empty() && !out.ends_with('\n')) out += line_end;
  const std::string_view remark = new_file ? kNewFile : unended ? kUnended : std::string_view();
  out += concat(block.indent, kBegin, remark, line_end);
  for (const std::string_view line : replaced) {
    out += concat(block.indent, kReplaced, " ", line, line.ends_with('\n') ? "" : line_end);
  }
  for (const std::string& line : block.lines)
    out += concat(line.empty() ? "" : block.indent, line, line_end);
  out += concat(block.indent, kEnd, line_end);
}

}  // namespace

std::vector<std::string_view> whole_lines(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    found.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return found;
}

Result<Unmarked> without_blocks(std::string_view text) {
  Unmarker unmarker;
  for (const std::string_view line : whole_lines(text)) TRY(unmarker.take(line));
  return unmarker.finish();
}

std::string with_blocks(std::string_view text, std::vector<Block> blocks, bool new_file) {
  const std::vector<std::string_view> all = whole_lines(text);
  // Of a text of one line without line end there is no telling, nor need there be.
  const std::string_view line_end = line_end_of(text);
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const Block& a, const Block& b) { return a.first < b.first; });
  std::string out;
  std::size_t at = 0;
  const auto copy_until = [&](std::size_t end) {
    for (; at < end; ++at) out += all[at];
  };
  for (const Block& block : blocks) {
    copy_until(block.first);
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(block.first);
    const auto last = all.begin() + static_cast<std::ptrdiff_t>(block.last);
    append_block(out, block, {first, last}, line_end, new_file);
    at = std::max(at, block.last);
  }
  copy_until(all.size());
  return out;
}

}  // namespace gpuhook::engines
