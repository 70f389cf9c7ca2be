// SPDX-License-Identifier: Apache-2.0
// Runs the tests inside namespaces of their own; exit code 77 where the machine does not permit
// them.
#include <gtest/gtest.h>

#include <iostream>

#include "namespaces.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  const auto namespaces = gpuhook::testing::PrivateNamespaces::enter();
  if (!namespaces) {
    std::cout << "skipped: userns needs user and mount namespaces: "
              << gpuhook::to_line(namespaces.error()) << '\n';
    constexpr int kSkipped = 77;
    return kSkipped;
  }
  return RUN_ALL_TESTS();
}
