/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated nvidia-smi: lists the GPUs and MIG instances that the calling process can reach. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "driver_facts.h"

/* Exit statuses of the real program. */
enum { kSuccess = 0, kNoPermission = 4, kNoDevices = 6, kNoDriver = 9 };

static void list_gpus(const struct driver_facts* facts) {
  unsigned index = 0;
  for (unsigned i = 0; i < facts->gpu_count; ++i) {
    const struct gpu_facts* gpu = &facts->gpus[i];
    if (!gpu->reachable) continue;
    printf("GPU %u: %s (UUID: %s)\n", index++, gpu->model, gpu->uuid);
    unsigned mig_index = 0;
    for (unsigned m = 0; m < gpu->mig_count; ++m) {
      const struct mig_facts* mig = &gpu->migs[m];
      if (mig->reachable)
        printf("  MIG %-11s Device %2u: (UUID: %s)\n", mig->profile, mig_index++, mig->uuid);
    }
  }
}

static void print_table(const struct driver_facts* facts) {
  printf("NVIDIA-SMI %s   Driver Version: %s\n\n", facts->version, facts->version);
  printf("%-4s %-28s %-17s %s\n", "GPU", "Name", "Bus-Id", "MIG");
  unsigned index = 0;
  for (unsigned i = 0; i < facts->gpu_count; ++i) {
    const struct gpu_facts* gpu = &facts->gpus[i];
    if (!gpu->reachable) continue;
    printf("%-4u %-28s 0000%s %s\n", index++, gpu->model, gpu->bus_id,
           gpu->mig_count > 0 ? "Enabled" : "Disabled");
  }
}

int main(int argc, char** argv) {
  static struct driver_facts facts;
  read_driver_facts(&facts);
  const int control = node_errno("/dev/nvidiactl");
  if (control == EPERM || control == EACCES) {
    puts("Failed to initialize NVML: Insufficient Permissions");
    return kNoPermission;
  }
  if (facts.version[0] == '\0' || control != 0) {
    puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.");
    return kNoDriver;
  }
  unsigned reachable = 0;
  for (unsigned i = 0; i < facts.gpu_count; ++i) reachable += facts.gpus[i].reachable;
  if (reachable == 0) {
    puts("No devices were found");
    return kNoDevices;
  }
  const int list = argc > 1 && (strcmp(argv[1], "-L") == 0 || strcmp(argv[1], "--list-gpus") == 0);
  if (list) {
    list_gpus(&facts);
  } else {
    print_table(&facts);
  }
  return kSuccess;
}
