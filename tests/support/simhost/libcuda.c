/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated libcuda: counts the GPUs that the calling process can reach, as a CUDA program in a
 * container would. */
#include <stdio.h>
#include <string.h>

#include "driver_facts.h"

#define EXPORT __attribute__((visibility("default")))

enum {
  kSuccess = 0,
  kInvalidValue = 1,
  kNotInitialized = 3,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kDriverMismatch = 803,
  kUnknown = 999,
};

static struct driver_facts facts;
static unsigned visible[kMaxGpus];
static unsigned visible_count;
static int initialized;

EXPORT int cuInit(unsigned flags) {
  if (flags != 0) return kInvalidValue;
  read_driver_facts(&facts);
  if (facts.version[0] == '\0') return kNoDevice;
  if (strcmp(facts.version, DRIVER_VERSION) != 0) return kDriverMismatch;
  if (node_errno("/dev/nvidiactl") != 0) return kNoDevice;
  /* A container without nvidia-uvm is the classic cause of "CUDA unknown error" while nvidia-smi
   * works. */
  if (node_errno("/dev/nvidia-uvm") != 0) return kUnknown;
  visible_count = 0;
  for (unsigned i = 0; i < facts.gpu_count; ++i) {
    if (facts.gpus[i].reachable) visible[visible_count++] = i;
  }
  initialized = visible_count > 0;
  return initialized ? kSuccess : kNoDevice;
}

EXPORT int cuDriverGetVersion(int* version) {
  if (version == NULL) return kInvalidValue;
  *version = CUDA_VERSION;
  return kSuccess;
}

EXPORT int cuDeviceGetCount(int* count) {
  if (!initialized) return kNotInitialized;
  if (count == NULL) return kInvalidValue;
  *count = (int)visible_count;
  return kSuccess;
}

EXPORT int cuDeviceGet(int* device, int ordinal) {
  if (!initialized) return kNotInitialized;
  if (device == NULL) return kInvalidValue;
  if (ordinal < 0 || (unsigned)ordinal >= visible_count) return kInvalidDevice;
  *device = ordinal;
  return kSuccess;
}

EXPORT int cuDeviceGetName(char* name, int size, int device) {
  if (!initialized) return kNotInitialized;
  if (name == NULL || size <= 0) return kInvalidValue;
  if (device < 0 || (unsigned)device >= visible_count) return kInvalidDevice;
  snprintf(name, (size_t)size, "%s", facts.gpus[visible[device]].model);
  return kSuccess;
}
