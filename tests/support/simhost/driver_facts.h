/* SPDX-License-Identifier: Apache-2.0
 *
 * What the simulated driver programs know: read from /proc/driver/nvidia as seen by the calling
 * process, so that a container's view and not the host's decides the answers. */
#ifndef SIMHOST_DRIVER_FACTS_H
#define SIMHOST_DRIVER_FACTS_H

#include <stdbool.h>
#include <stddef.h>

enum { kMaxGpus = 32, kMaxMigs = 32 };

/* What cannot be read from /proc and follows from the model. */
struct gpu_model {
  const char* name; /* a part of the model's full name that no other model has */
  unsigned pci_device_id, pci_subsystem_id;
  unsigned architecture; /* NVML's number of it */
  int capability_major, capability_minor;
  const char* slices[5]; /* names of MIG slices with 7, 4, 3, 2 and 1 of the GPU's 7 parts */
};

struct mig_facts {
  unsigned gi;
  unsigned ci;
  unsigned gi_cap; /* minor below /dev/nvidia-caps */
  unsigned ci_cap;
  bool reachable;
  char profile[16]; /* "1g.10gb" */
  char uuid[64];
};

struct gpu_facts {
  unsigned domain, bus, device; /* PCI address */
  unsigned minor;
  bool reachable;
  char bus_id[32]; /* as in /proc: "0000:01:00.0" */
  char model[96];
  const struct gpu_model* kind; /* never NULL */
  char uuid[96];
  unsigned mig_count;
  struct mig_facts migs[kMaxMigs];
};

struct driver_facts {
  char version[32]; /* empty: no module loaded */
  unsigned gpu_count;
  struct gpu_facts gpus[kMaxGpus]; /* in PCI order */
};

/* Never fails; what cannot be read is left out. */
void read_driver_facts(struct driver_facts* facts);

/* 0 when the character device at `path` can be opened as far as file modes and device filters go,
 * otherwise the errno. ENXIO means that the filter let the call through and no driver answered:
 * here, that is success. */
int node_errno(const char* path);

#endif
