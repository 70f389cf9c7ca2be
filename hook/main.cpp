// SPDX-License-Identifier: Apache-2.0
// gpu-hook: gives containers their NVIDIA GPUs.
#include "cli.h"
#include "hygiene.h"
#include "nvidia_cli.h"
#include "runtime.h"

int main(int argc, char** argv) {
  if (argc > 0 && gpuhook::hook::is_runtime_name(argv[0]))
    return static_cast<int>(gpuhook::hook::run_runtime(argc, argv));
  gpuhook::hook::clean_process();
  if (argc > 0 && gpuhook::hook::is_nvidia_cli_name(argv[0]))
    return static_cast<int>(gpuhook::hook::run_nvidia_cli(argc, argv));
  return static_cast<int>(gpuhook::hook::run(argc, argv));
}
