// SPDX-License-Identifier: Apache-2.0
// gpu-hook: gives containers their NVIDIA GPUs.
#include "cli.h"
#include "hygiene.h"

int main(int argc, char** argv) {
  gpuhook::hook::clean_process();
  return static_cast<int>(gpuhook::hook::run(argc, argv));
}
