// SPDX-License-Identifier: Apache-2.0
// The smallest program that uses the library: prints its version and the host's driver or why there
// is none.
#include <gpuhook/gpuhook.h>

#include <iostream>

int main() {
  std::cout << "libgpuhook " << gpuhook::library_version() << "\n";
  const auto inventory = gpuhook::probe_host({});
  std::cout << (inventory ? inventory->driver.text() : gpuhook::to_line(inventory.error())) << "\n";
}
