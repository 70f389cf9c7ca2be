// SPDX-License-Identifier: Apache-2.0
// Reads test data with the C++ standard library.
#include "support/captured.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/text.h"

namespace gpuhook::testing {

std::string file_content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + path);
  return content.str();
}

std::string data_path(std::string_view relative) {
  return concat(GPUHOOK_TEST_DATA, "/", relative);
}

std::string captured(std::string_view relative) { return file_content(data_path(relative)); }

std::vector<std::vector<std::string>> captured_table(std::string_view relative) {
  std::vector<std::vector<std::string>> rows;
  const std::string text = captured(relative);
  for (const std::string_view line : lines(text)) {
    if (line.starts_with('#')) continue;
    rows.emplace_back();
    for (const std::string_view field : split(line, '\t')) rows.back().emplace_back(field);
  }
  return rows;
}

std::vector<std::string> captured_configs() {
  std::vector<std::string> found;
  const std::filesystem::path top = GPUHOOK_TEST_DATA;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top / "engines")) {
    if (entry.path().filename() == "config.json")
      found.push_back(entry.path().lexically_relative(top).string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void expect_golden(std::string_view name, const std::string& actual) {
  const std::string path = concat(GPUHOOK_TEST_GOLDEN, "/", name);
  const char* const update = std::getenv("GPUHOOK_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(actual, file_content(path)) << "GPUHOOK_UPDATE_GOLDEN=1 rewrites " << path;
}

}  // namespace gpuhook::testing
