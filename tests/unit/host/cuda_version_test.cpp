// SPDX-License-Identifier: Apache-2.0
#include "host/cuda_version.h"

#include <gtest/gtest.h>

#include "support/results.h"

namespace gpuhook::host {
namespace {

using testing::value_of;

TEST(CudaVersionOf, FollowsTheDriversBranch) {
  struct {
    std::string_view driver, cuda;
  } const rows[] = {
      {"390.157", ""},        {"417.99", ""},         {"418.39", "10.1"},
      {"430.50", "10.1"},     {"440.33.01", "10.2"},  {"450.51.05", "11.0"},
      {"455.23", "11.1"},     {"460.32.03", "11.2"},  {"465.19.01", "11.3"},
      {"470.256.02", "11.4"}, {"495.29.05", "11.5"},  {"510.108.03", "11.6"},
      {"515.105.01", "11.7"}, {"520.61.05", "11.8"},  {"525.147.05", "12.0"},
      {"530.41.03", "12.1"},  {"535.261.03", "12.2"}, {"545.29.06", "12.3"},
      {"550.163.01", "12.4"}, {"555.58.02", "12.5"},  {"560.35.05", "12.6"},
      {"565.77", "12.7"},     {"570.172.08", "12.8"}, {"575.64.05", "12.9"},
      {"580.159.04", "13.0"}, {"590.44.01", "13.1"},  {"999.1", "13.1"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(cuda_version_of(value_of(DriverVersion::parse(row.driver))), row.cuda) << row.driver;
  EXPECT_EQ(cuda_version_of(DriverVersion()), "");
}

}  // namespace
}  // namespace gpuhook::host
