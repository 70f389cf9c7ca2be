// SPDX-License-Identifier: Apache-2.0
// Access to tests/data: files recorded from real engines and hosts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gpuhook::testing {

// Absolute path of a file or directory below tests/data.
std::string data_path(std::string_view relative);
// The content of a file below tests/data.
std::string captured(std::string_view relative);
// The fields of a tab-separated file below tests/data, without lines that begin with '#'.
std::vector<std::vector<std::string>> captured_table(std::string_view relative);
// Every config.json below tests/data/engines, relative to tests/data, in name order.
std::vector<std::string> captured_configs();

// Compares with unit/golden/NAME; with GPUHOOK_UPDATE_GOLDEN=1 in the environment, rewrites it.
void expect_golden(std::string_view name, const std::string& actual);

std::string file_content(const std::string& path);

}  // namespace gpuhook::testing
