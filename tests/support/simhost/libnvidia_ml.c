/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated libnvidia-ml: the entry points that a reader of the inventory asks for, answered from
 * /proc/driver/nvidia.
 *
 * Unless told otherwise it opens, reads and looks at files, takes memory and does nothing else, so
 * that it works in a sandbox that allows no more. A test can tell it to misbehave (simhost --nvml);
 * the word in /run/simhost/nvml is read at each nvmlInit.
 *
 * A device handle points into one table that nvmlInit fills; handles of MIG devices point at their
 * mig_facts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

/* kLie: another driver version than the module's. kGarbage: numbers that cannot be and texts that
 * are none, for devices that are where they should be. */
enum mode { kOk, kHang, kCrash, kSlow, kLie, kGarbage };

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
static enum mode mode;

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

/* Why a function that was given no device of the table fails. */
static Status no_device(void) { return init_count == 0 ? kUninitialized : kInvalidArgument; }

/* The whole buffer, without an end, with what a terminal or a log must not see. */
static Status fill_with_garbage(char* to, unsigned size) {
  static const char garbage[] = "\x1b[31m\x01\n\x7f\xff\t\"\\%s";
  for (unsigned i = 0; i < size; ++i) to[i] = garbage[i % (sizeof garbage - 1)];
  return kSuccess;
}

static Status copy_honest_text(const char* from, char* to, unsigned size) {
  if (to == NULL) return kInvalidArgument;
  if (strlen(from) >= size) return kInsufficientSize;
  memcpy(to, from, strlen(from) + 1);
  return kSuccess;
}

static Status copy_text(const char* from, char* to, unsigned size) {
  if (to != NULL && mode == kGarbage) return fill_with_garbage(to, size);
  return copy_honest_text(from, to, size);
}

static void read_mode(void) {
  static const struct {
    const char* word;
    enum mode mode;
  } words[] = {{"hang", kHang}, {"crash", kCrash},     {"slow", kSlow},
               {"lie", kLie},   {"garbage", kGarbage}, {"ok", kOk}};
  char word[16] = "";
  mode = kOk;
  const int fd = open("/run/simhost/nvml", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (read(fd, word, sizeof word - 1) < 0) word[0] = '\0';
  close(fd);
  word[strcspn(word, "\n")] = '\0';
  for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i) {
    if (strcmp(word, words[i].word) == 0) mode = words[i].mode;
  }
}

/* By the clock: in a sandbox that forbids sleeping it takes just as long. */
static void wait_seconds(long seconds) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    usleep(100000);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - start.tv_sec < seconds ||
           (now.tv_sec - start.tv_sec == seconds && now.tv_nsec < start.tv_nsec));
}

static void misbehave_at_init(void) {
  if (mode == kCrash) abort();
  if (mode == kSlow) wait_seconds(2);
  while (mode == kHang) sleep(3600);
}

EXPORT Status nvmlInit_v2(void) {
  read_mode();
  misbehave_at_init();
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
  return copy_honest_text(mode == kLie ? "999.99" : facts.version, version, size);
}

EXPORT Status nvmlSystemGetNVMLVersion(char* version, unsigned size) {
  if (init_count == 0) return kUninitialized;
  return copy_honest_text("12." DRIVER_VERSION, version, size);
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
  *count = mode == kGarbage ? 0xfffffff0u : visible_count;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetCount(unsigned* count) { return nvmlDeviceGetCount_v2(count); }

EXPORT Status nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  if (init_count == 0) return kUninitialized;
  if (mode == kGarbage && visible_count > 0) index %= visible_count; /* as many as it counts */
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
  if (mig == NULL) return no_device();
  char text[160];
  snprintf(text, sizeof text, "%s MIG %s", gpu->model, mig->profile);
  return copy_text(text, name, size);
}

EXPORT Status nvmlDeviceGetUUID(Device device, char* uuid, unsigned size) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu != NULL) return copy_text(gpu->uuid, uuid, size);
  const struct mig_facts* mig = mig_of(device, NULL);
  return mig == NULL ? no_device() : copy_text(mig->uuid, uuid, size);
}

EXPORT Status nvmlDeviceGetMinorNumber(Device device, unsigned* minor) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL || minor == NULL) return no_device();
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
  if (gpu == NULL || info == NULL) return no_device();
  memset(info, 0, sizeof *info);
  info->domain = gpu->domain;
  info->bus = gpu->bus;
  info->device = gpu->device;
  info->pci_device_id = gpu->kind->pci_device_id;
  info->pci_subsystem_id = gpu->kind->pci_subsystem_id;
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
  if (gpu_of(device) == NULL || brand == NULL) return no_device();
  /* NVML_BRAND_NVIDIA, what boards of both models say since driver 455. */
  *brand = mode == kGarbage ? 4711 : 14;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetArchitecture(Device device, unsigned* architecture) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL || architecture == NULL) return no_device();
  *architecture = gpu->kind->architecture;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetCudaComputeCapability(Device device, int* major, int* minor) {
  if (major == NULL || minor == NULL) return kInvalidArgument;
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL) mig_of(device, &gpu);
  if (gpu == NULL) return no_device();
  *major = gpu->kind->capability_major;
  *minor = gpu->kind->capability_minor;
  if (mode == kGarbage) *major = *minor = -9;
  return kSuccess;
}

/* MIG mode is on exactly where instances exist: /proc has no other sign of it. */
EXPORT Status nvmlDeviceGetMigMode(Device device, unsigned* current, unsigned* pending) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL || current == NULL || pending == NULL) return no_device();
  *current = gpu->mig_count > 0;
  *pending = *current;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetMaxMigDeviceCount(Device device, unsigned* count) {
  if (gpu_of(device) == NULL || count == NULL) return no_device();
  *count = mode == kGarbage ? 0xfffffff0u : 7;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetMigDeviceHandleByIndex(Device device, unsigned index, Device* mig) {
  const struct gpu_facts* gpu = gpu_of(device);
  if (gpu == NULL || mig == NULL) return no_device();
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
  if (id == NULL || mig == NULL) return no_device();
  *id = mig->gi;
  return kSuccess;
}

EXPORT Status nvmlDeviceGetComputeInstanceId(Device device, unsigned* id) {
  const struct mig_facts* mig = mig_of(device, NULL);
  if (id == NULL || mig == NULL) return no_device();
  *id = mig->ci;
  return kSuccess;
}
