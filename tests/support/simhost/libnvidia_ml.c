/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated libnvidia-ml: the entry points that a reader of the inventory asks for, answered from
 * /proc/driver/nvidia.
 *
 * A device handle points into one table that nvmlInit fills; handles of MIG devices point at their
 * mig_facts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver_facts.h"

#define EXPORT __attribute__((visibility("default")))

enum {
  kSuccess = 0,
  kUninitialized = 1,
  kInvalidArgument = 2,
  kNotSupported = 3,
  kNoPermission = 4,
  kNotFound = 6,
  kInsufficientSize = 7,
  kDriverNotLoaded = 9,
  kVersionMismatch = 18,
  kUnknown = 999,
};

typedef int Status;
typedef const void* Device;

struct pci_info { /* nvmlPciInfo_t as of version 3 */
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};

static struct driver_facts facts;
static unsigned
    visible[kMaxGpus]; /* indices into facts.gpus of the GPUs whose node can be opened */
static unsigned visible_count;
static int init_count;

static const struct gpu_facts* gpu_of(Device device) {
  for (unsigned i = 0; i < visible_count; ++i) {
    const struct gpu_facts* gpu = &facts.gpus[visible[i]];
    if ((const void*)gpu == device) return gpu;
  }
  return NULL;
}

static const struct mig_facts* mig_of(Device device, const struct gpu_facts** parent) {
  for (unsigned i = 0; i < visible_count; ++i) {
    const struct gpu_facts* gpu = &facts.gpus[visible[i]];
    for (unsigned m = 0; m < gpu->mig_count; ++m) {
      if ((const void*)&gpu->migs[m] != device) continue;
      if (parent != NULL) *parent = gpu;
      return &gpu->migs[m];
    }
  }
  return NULL;
}

static Status copy_text(const char* from, char* to, unsigned size) {
  if (to == NULL) return kInvalidArgument;
  if (strlen(from) >= size) return kInsufficientSize;
  memcpy(to, from, strlen(from) + 1);
  return kSuccess;
}

/* A test can ask for a driver library that misbehaves (simhost --nvml); the word is read at each
 * nvmlInit. */
static void misbehave_if_asked(void) {
  char word[16] = "";
  const int fd = open("/run/simhost/nvml", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (read(fd, word, sizeof word - 1) < 0) word[0] = '\0';
  close(fd);
  if (strncmp(word, "hang", 4) == 0) {
    for (;;) sleep(3600);
  }
  if (strncmp(word, "crash", 5) == 0) abort();
}

EXPORT Status nvmlInit_v2(void) {
  misbehave_if_asked();
  read_driver_facts(&facts);
  if (facts.version[0] == '\0') return kDriverNotLoaded;
  if (strcmp(facts.version, DRIVER_VERSION) != 0) return kVersionMismatch;
  const int control = node_errno("/dev/nvidiactl");
  if (control == EPERM || control == EACCES) return kNoPermission;
  if (control != 0) return kDriverNotLoaded;
  visible_count = 0;
  for (unsigned i = 0; i < facts.gpu_count; ++i) {
    if (facts.gpus[i].reachable) visible[visible_count++] = i;
  }
  ++init_count;
  return kSuccess;
}

EXPORT Status nvmlInit(void) { return nvmlInit_v2(); }

EXPORT Status nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  return nvmlInit_v2();
}

EXPORT Status nvmlShutdown(void) {
  if (init_count == 0) return kUninitialized;
  --init_count;
  return kSuccess;
}

EXPORT const char* nvmlErrorString(Status status) {
  switch (status) {
    case kSuccess:
      return "Success";
    case kUninitialized:
      return "Uninitialized";
    case kInvalidArgument:
      return "Invalid Argument";
    case kNotSupported:
      return "Not Supported";
    case kNoPermission:
      return "Insufficient Permissions";
    case kNotFound:
      return "Not Found";
    case kInsufficientSize:
      return "Insufficient Size";
    case kDriverNotLoaded:
      return "Driver Not Loaded";
    case kVersionMismatch:
      return "Driver/library version mismatch";
    default:
      return "Unknown Error";
  }
}

EXPORT Status nvmlSystemGetDriverVersion(char* version, unsigned size) {
  if (init_count == 0) return kUninitialized;
  return copy_text(facts.version, version, size);
}

EXPORT Status nvmlSystemGetNVMLVersion(char* version, unsigned size) {
  if (init_count == 0) return kUninitialized;
  return copy_text("12." DRIVER_VERSION, version, size);
}

EXPORT Status nvmlSystemGetCudaDriverVersion(int* version) {
  if (version == NULL) return kInvalidArgument;
  *version = CUDA_VERSION;
  return kSuccess;
}

EXPORT Status nvmlSystemGetCudaDriverVersion_v2(int* version) {
  return nvmlSystemGetCudaDriverVersion(version);
}

EXPORT Status nvmlDeviceGetCount_v2(unsigned* count) {
  if (init_count == 0) return kUninitialized;
  if (count == NULL) return kInvalidArgument;
  *count = visible_count;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetCount(unsigned* count) { return nvmlDeviceGetCount_v2(count); }

EXPORT Status nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  if (init_count == 0) return kUninitialized;
  if (device == NULL || index >= visible_count) return kInvalidArgument;
  *device = &facts.gpus[visible[index]];
  return kSuccess;
}

EXPORT Status nvmlDeviceGetHandleByIndex(unsigned index, Device* device) {
  return nvmlDeviceGetHandleByIndex_v2(index, device);
}

EXPORT Status nvmlDeviceGetHandleByUUID(const char* uuid, Device* device) {
  if (init_count == 0) return kUninitialized;
  if (uuid == NULL || device == NULL) return kInvalidArgument;
  for (unsigned i = 0; i < visible_count; ++i) {
    const struct gpu_facts* gpu = &facts.gpus[visible[i]];
    *device = gpu;
    if (strcmp(gpu->uuid, uuid) == 0) return kSuccess;
    for (unsigned m = 0; m < gpu->mig_count; ++m) {
      *device = &gpu->migs[m];
      if (strcmp(gpu->migs[m].uuid, uuid) == 0) return kSuccess;
    }
  }
  *device = NULL;
  return kNotFound;
}

EXPORT Status nvmlDeviceGetName(Device device, char* name, unsigned size) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu != NULL) return copy_text(gpu->model, name, size);
  const struct mig_facts* mig = mig_of(device, &gpu);
  if (mig == NULL) return kInvalidArgument;
  char text[160];
  snprintf(text, sizeof text, "%s MIG %s", gpu->model, mig->profile);
  return copy_text(text, name, size);
}

EXPORT Status nvmlDeviceGetUUID(Device device, char* uuid, unsigned size) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu != NULL) return copy_text(gpu->uuid, uuid, size);
  const struct mig_facts* mig = mig_of(device, NULL);
  return mig == NULL ? kInvalidArgument : copy_text(mig->uuid, uuid, size);
}

EXPORT Status nvmlDeviceGetMinorNumber(Device device, unsigned* minor) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL || minor == NULL) return kInvalidArgument;
  *minor = gpu->minor;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetIndex(Device device, unsigned* index) {
  for (unsigned i = 0; i < visible_count; ++i) {
    if ((const void*)&facts.gpus[visible[i]] != device || index == NULL) continue;
    *index = i;
    return kSuccess;
  }
  return kInvalidArgument;
}

EXPORT Status nvmlDeviceGetPciInfo_v3(Device device, struct pci_info* info) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL || info == NULL) return kInvalidArgument;
  memset(info, 0, sizeof *info);
  info->domain = gpu->domain;
  info->bus = gpu->bus;
  info->device = gpu->device;
  info->pci_device_id = 0x233010DE;
  info->pci_subsystem_id = 0x16C110DE;
  snprintf(info->bus_id_legacy, sizeof info->bus_id_legacy, "%04X:%02X:%02X.0",
           gpu->domain & 0xffff, gpu->bus & 0xff, gpu->device & 0xff);
  snprintf(info->bus_id, sizeof info->bus_id, "%08X:%02X:%02X.0", gpu->domain, gpu->bus,
           gpu->device);
  return kSuccess;
}

EXPORT Status nvmlDeviceGetPciInfo_v2(Device device, struct pci_info* info) {
  return nvmlDeviceGetPciInfo_v3(device, info);
}

EXPORT Status nvmlDeviceGetBrand(Device device, unsigned* brand) {
  if (gpu_of(device) == NULL || brand == NULL) return kInvalidArgument;
  *brand = 14; /* "NVIDIA", what data centre boards say since Ampere */
  return kSuccess;
}

EXPORT Status nvmlDeviceGetArchitecture(Device device, unsigned* architecture) {
  if (gpu_of(device) == NULL || architecture == NULL) return kInvalidArgument;
  *architecture = 9; /* Hopper */
  return kSuccess;
}

EXPORT Status nvmlDeviceGetCudaComputeCapability(Device device, int* major, int* minor) {
  if (major == NULL || minor == NULL) return kInvalidArgument;
  if (gpu_of(device) == NULL && mig_of(device, NULL) == NULL) return kInvalidArgument;
  *major = 9;
  *minor = 0;
  return kSuccess;
}

/* MIG mode is on exactly where instances exist: /proc has no other sign of it. */
EXPORT Status nvmlDeviceGetMigMode(Device device, unsigned* current, unsigned* pending) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL || current == NULL || pending == NULL) return kInvalidArgument;
  *current = gpu->mig_count > 0;
  *pending = *current;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetMaxMigDeviceCount(Device device, unsigned* count) {
  if (gpu_of(device) == NULL || count == NULL) return kInvalidArgument;
  *count = 7;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetMigDeviceHandleByIndex(Device device, unsigned index, Device* mig) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL || mig == NULL) return kInvalidArgument;
  unsigned seen = 0;
  for (unsigned m = 0; m < gpu->mig_count; ++m) {
    if (!gpu->migs[m].reachable || seen++ != index) continue;
    *mig = &gpu->migs[m];
    return kSuccess;
  }
  return kNotFound;
}

EXPORT Status nvmlDeviceIsMigDeviceHandle(Device device, unsigned* is_mig) {
  if (is_mig == NULL) return kInvalidArgument;
  *is_mig = mig_of(device, NULL) != NULL;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device mig, Device* device) {
  const struct gpu_facts* gpu = NULL;
  if (device == NULL || mig_of(mig, &gpu) == NULL) return kInvalidArgument;
  *device = gpu;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetGpuInstanceId(Device device, unsigned* id) {
  const struct mig_facts* mig = mig_of(device, NULL);
  if (id == NULL || mig == NULL) return kInvalidArgument;
  *id = mig->gi;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetComputeInstanceId(Device device, unsigned* id) {
  const struct mig_facts* mig = mig_of(device, NULL);
  if (id == NULL || mig == NULL) return kInvalidArgument;
  *id = mig->ci;
  return kSuccess;
}
