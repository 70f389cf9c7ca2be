// SPDX-License-Identifier: Apache-2.0
// A change as a unified diff, by dtl.
#include <dtl/dtl.hpp>
#include <sstream>

#include "base/text.h"
#include "gpuhook/engines.h"

namespace gpuhook {
namespace {

// A last line without line end is followed by the remark that diff(1) makes about it, and thereby
// differs from the same line with one.
std::vector<std::string> diff_lines(const std::optional<std::string>& text) {
  std::vector<std::string> found;
  if (!text) return found;
  for (const std::string_view line : lines(*text)) found.emplace_back(line);
  if (!text->empty() && !text->ends_with('\n')) found.back() += "\n\\ No newline at end of file";
  return found;
}

std::string side(const std::optional<std::string>& text, const HostPath& path) {
  return text ? path.text() : "/dev/null";
}

}  // namespace

std::string unified_diff(const FileChange& change) {
  if (change.before == change.after) return {};
  const std::vector<std::string> before = diff_lines(change.before);
  const std::vector<std::string> after = diff_lines(change.after);
  dtl::Diff<std::string> diff(before, after);
  diff.compose();
  diff.composeUnifiedHunks();
  std::ostringstream hunks;
  diff.printUnifiedFormat(hunks);
  std::string text = hunks.str();
  // Of nothing, line 0 is the first; dtl says 1.
  if (before.empty() && !text.empty()) text.replace(0, text.find(' ', 3), "@@ -0,0");
  if (after.empty() && !text.empty()) text.replace(text.find(" +"), 5, " +0,0");
  return concat("--- ", side(change.before, change.path), "\n+++ ", side(change.after, change.path),
                "\n", text);
}

}  // namespace gpuhook
