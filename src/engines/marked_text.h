// SPDX-License-Identifier: Apache-2.0
// Blocks of our own in a text of lines whose comments begin with '#', such that they can be taken
// out again and the text is what it was, byte for byte:
//
//   [engine]
//   # begin gpu-hook
//   # gpu-hook replaced: runtime = "crun"     a line of before, whole, with its own line end
//   runtime = "nvidia"
//   # end gpu-hook
//
// Everything in a block is ours. What others change around it stays when it goes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gpuhook/result.h"

namespace gpuhook::engines {

// Lines with their line ends; only the last may have none.
std::vector<std::string_view> whole_lines(std::string_view text);

struct Unmarked {
  std::string text;
  bool new_file = false;  // before the blocks there was no file
};
// The text of before. Errors: kBadInput when a block has no end.
Result<Unmarked> without_blocks(std::string_view text);

// Lines [first, last) to be replaced, which may be none, and what replaces them.
struct Block {
  std::size_t first = 0;
  std::size_t last = 0;
  std::string indent;              // of the marks
  std::vector<std::string> lines;  // without line ends
};
// `blocks` do not overlap. `new_file`: without_blocks shall say so.
std::string with_blocks(std::string_view text, std::vector<Block> blocks, bool new_file);

}  // namespace gpuhook::engines
