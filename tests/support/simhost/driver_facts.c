/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of the /proc texts of the driver, shared by the simulated programs. */
#include "driver_facts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NVIDIA_PROC "/proc/driver/nvidia"

/* Not stdio: fopen resolves to newer symbol versions than open, and these libraries shall load in
 * old containers. */
static bool read_text(const char* path, char* text, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t length = 0;
  ssize_t got;
  while (length + 1 < size && (got = read(fd, text + length, size - 1 - length)) > 0)
    length += (size_t)got;
  close(fd);
  text[length] = '\0';
  return true;
}

/* Copies the value of "key" in a text of "key: <blanks> value" lines. */
static bool value_of(const char* text, const char* key, char* value, size_t size) {
  const size_t key_length = strlen(key);
  for (const char* line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
    if (*line == '\n') ++line;
    if (strncmp(line, key, key_length) != 0 || line[key_length] != ':') continue;
    const char* start = line + key_length + 1;
    start += strspn(start, " \t");
    size_t length = strcspn(start, "\n");
    if (length >= size) length = size - 1;
    memcpy(value, start, length);
    value[length] = '\0';
    return true;
  }
  return false;
}

static bool cap_minor(const char* access_path, unsigned* minor) {
  char text[256];
  char number[16];
  if (!read_text(access_path, text, sizeof text)) return false;
  if (!value_of(text, "DeviceFileMinor", number, sizeof number)) return false;
  *minor = (unsigned)strtoul(number, NULL, 10);
  return true;
}

static bool cap_reachable(unsigned minor) {
  char path[64];
  snprintf(path, sizeof path, "/dev/nvidia-caps/nvidia-cap%u", minor);
  return node_errno(path) == 0;
}

int node_errno(const char* path) {
  struct stat status;
  if (stat(path, &status) != 0) return errno;
  if (!S_ISCHR(status.st_mode)) return ENODEV;
  /* The capability nodes are read-only, so ask for no more than each node's mode offers. */
  const int access_mode = (status.st_mode & 0222) != 0 ? O_RDWR : O_RDONLY;
  const int fd = open(path, access_mode | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) {
    close(fd);
    return 0;
  }
  return errno == ENXIO ? 0 : errno;
}

/* tests/simhost has the same table. */
static const struct gpu_model models[] = {
    {.name = "H100",
     .pci_device_id = 0x233010DE,
     .pci_subsystem_id = 0x16C110DE,
     .architecture = 9, /* Hopper */
     .capability_major = 9,
     .slices = {"7g.80gb", "4g.40gb", "3g.40gb", "2g.20gb", "1g.10gb"}},
    {.name = "A100",
     .pci_device_id = 0x20B010DE,
     .pci_subsystem_id = 0x134F10DE,
     .architecture = 7, /* Ampere */
     .capability_major = 8,
     .slices = {"7g.40gb", "4g.20gb", "3g.20gb", "2g.10gb", "1g.5gb"}},
};

static const struct gpu_model* model_named(const char* name) {
  for (size_t i = 0; i < sizeof models / sizeof models[0]; ++i) {
    if (strstr(name, models[i].name) != NULL) return &models[i];
  }
  return &models[0];
}

/* The ids that the host gives to each kind of slice; tests/simhost has the same table. */
static const char* profile_of(const struct gpu_model* model, unsigned gi) {
  if (gi == 0) return model->slices[0];
  if (gi <= 2) return model->slices[2];
  if (gi <= 5) return model->slices[3];
  if (gi == 6) return model->slices[1];
  return model->slices[4];
}

static bool is_before(const struct mig_facts* a, const struct mig_facts* b) {
  return a->gi != b->gi ? a->gi < b->gi : a->ci < b->ci;
}

/* Keeps the table in order as it grows. Not qsort: old C libraries ask the kernel there how much
 * memory the machine has, which a strict sandbox refuses. */
static void add_mig(struct gpu_facts* gpu, const struct mig_facts* mig) {
  unsigned place = gpu->mig_count++;
  for (; place > 0 && is_before(mig, &gpu->migs[place - 1]); --place)
    gpu->migs[place] = gpu->migs[place - 1];
  gpu->migs[place] = *mig;
}

static void read_compute_instances(struct gpu_facts* gpu, const char* gi_path, unsigned gi,
                                   unsigned gi_cap) {
  DIR* directory = opendir(gi_path);
  if (directory == NULL) return;
  const struct dirent* entry;
  while ((entry = readdir(directory)) != NULL && gpu->mig_count < kMaxMigs) {
    if (strncmp(entry->d_name, "ci", 2) != 0) continue;
    struct mig_facts mig = {.gi = gi, .gi_cap = gi_cap};
    mig.ci = (unsigned)strtoul(entry->d_name + 2, NULL, 10);
    char access_path[512];
    snprintf(access_path, sizeof access_path, "%s/ci%u/access", gi_path, mig.ci);
    if (!cap_minor(access_path, &mig.ci_cap)) continue;
    mig.reachable = gpu->reachable && cap_reachable(mig.gi_cap) && cap_reachable(mig.ci_cap);
    snprintf(mig.profile, sizeof mig.profile, "%s", profile_of(gpu->kind, gi));
    const char* serial = strlen(gpu->uuid) > 28 ? gpu->uuid + 28 : "000000000000";
    snprintf(mig.uuid, sizeof mig.uuid, "MIG-%08x-%04x-4000-9000-%.12s", mig.gi, mig.ci, serial);
    add_mig(gpu, &mig);
  }
  closedir(directory);
}

static void read_migs(struct gpu_facts* gpu) {
  char mig_path[128];
  snprintf(mig_path, sizeof mig_path, NVIDIA_PROC "/capabilities/gpu%u/mig", gpu->minor);
  DIR* directory = opendir(mig_path);
  if (directory == NULL) return;
  const struct dirent* entry;
  while ((entry = readdir(directory)) != NULL) {
    if (strncmp(entry->d_name, "gi", 2) != 0) continue;
    const unsigned gi = (unsigned)strtoul(entry->d_name + 2, NULL, 10);
    char gi_path[160];
    char access_path[176];
    unsigned gi_cap = 0;
    snprintf(gi_path, sizeof gi_path, "%s/gi%u", mig_path, gi);
    snprintf(access_path, sizeof access_path, "%s/access", gi_path);
    if (cap_minor(access_path, &gi_cap)) read_compute_instances(gpu, gi_path, gi, gi_cap);
  }
  closedir(directory);
}

static bool read_gpu(const char* bus_id, struct gpu_facts* gpu) {
  char path[320];
  char text[4096];
  char minor[16];
  snprintf(path, sizeof path, NVIDIA_PROC "/gpus/%s/information", bus_id);
  if (!read_text(path, text, sizeof text)) return false;
  if (!value_of(text, "Device Minor", minor, sizeof minor)) return false;
  memset(gpu, 0, sizeof *gpu);
  snprintf(gpu->bus_id, sizeof gpu->bus_id, "%.31s", bus_id);
  char* rest = gpu->bus_id;
  gpu->domain = (unsigned)strtoul(rest, &rest, 16);
  if (*rest == ':') gpu->bus = (unsigned)strtoul(rest + 1, &rest, 16);
  if (*rest == ':') gpu->device = (unsigned)strtoul(rest + 1, &rest, 16);
  gpu->minor = (unsigned)strtoul(minor, NULL, 10);
  value_of(text, "Model", gpu->model, sizeof gpu->model);
  gpu->kind = model_named(gpu->model);
  value_of(text, "GPU UUID", gpu->uuid, sizeof gpu->uuid);
  snprintf(path, sizeof path, "/dev/nvidia%u", gpu->minor);
  gpu->reachable = node_errno(path) == 0;
  read_migs(gpu);
  return true;
}

/* See add_mig. */
static void sort_by_address(struct driver_facts* facts) {
  for (unsigned i = 1; i < facts->gpu_count; ++i) {
    const struct gpu_facts gpu = facts->gpus[i];
    unsigned place = i;
    for (; place > 0 && strcmp(gpu.bus_id, facts->gpus[place - 1].bus_id) < 0; --place)
      facts->gpus[place] = facts->gpus[place - 1];
    facts->gpus[place] = gpu;
  }
}

/* The number is the first word that looks like one: the words around it differ between the two
 * kernel modules. */
static void read_version(struct driver_facts* facts) {
  char text[512];
  if (!read_text(NVIDIA_PROC "/version", text, sizeof text)) return;
  text[strcspn(text, "\n")] = '\0';
  char* rest = NULL;
  for (char* word = strtok_r(text, " \t", &rest); word != NULL;
       word = strtok_r(NULL, " \t", &rest)) {
    if (!isdigit((unsigned char)word[0]) || strchr(word, '.') == NULL) continue;
    snprintf(facts->version, sizeof facts->version, "%.31s", word);
    return;
  }
}

void read_driver_facts(struct driver_facts* facts) {
  memset(facts, 0, sizeof *facts);
  read_version(facts);
  DIR* directory = opendir(NVIDIA_PROC "/gpus");
  if (directory == NULL) return;
  const struct dirent* entry;
  while ((entry = readdir(directory)) != NULL && facts->gpu_count < kMaxGpus) {
    if (entry->d_name[0] == '.') continue;
    if (read_gpu(entry->d_name, &facts->gpus[facts->gpu_count])) ++facts->gpu_count;
  }
  closedir(directory);
  sort_by_address(facts);
}
