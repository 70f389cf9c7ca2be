/* SPDX-License-Identifier: Apache-2.0
 *
 * Does what a CUDA program does first: loads the driver libraries by SONAME through the container's
 * loader and asks them what is there. Prints one fact a line; ends with 0 when both libraries
 * answered. */
#define _GNU_SOURCE /* dlinfo */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

typedef int (*init_function)(unsigned);
typedef int (*count_function)(int*);
typedef int (*get_function)(int*, int);
typedef int (*name_function)(char*, int, int);
typedef int (*nvml_init_function)(void);
typedef int (*version_function)(char*, unsigned);

/* Where the loader found it: shows which directory or cache entry won. */
static void* load(const char* soname) {
  void* library = dlopen(soname, RTLD_NOW);
  if (library == NULL) {
    printf("%s: %s\n", soname, dlerror());
    return NULL;
  }
  struct link_map* map = NULL;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0) printf("%s: %s\n", soname, map->l_name);
  return library;
}

static int probe_cuda(void) {
  void* library = load("libcuda.so.1");
  if (library == NULL) return 1;
  const init_function init = (init_function)dlsym(library, "cuInit");
  const count_function get_count = (count_function)dlsym(library, "cuDeviceGetCount");
  const count_function get_version = (count_function)dlsym(library, "cuDriverGetVersion");
  const get_function get = (get_function)dlsym(library, "cuDeviceGet");
  const name_function get_name = (name_function)dlsym(library, "cuDeviceGetName");
  if (!init || !get_count || !get_version || !get || !get_name) {
    printf("libcuda.so.1: incomplete\n");
    return 1;
  }
  int version = 0;
  if (get_version(&version) == 0) printf("cuda version: %d\n", version);
  const int status = init(0);
  printf("cuInit: %d\n", status);
  if (status != 0) return 1;
  int count = 0;
  get_count(&count);
  printf("devices: %d\n", count);
  for (int i = 0; i < count; ++i) {
    int device = 0;
    char name[128] = "";
    if (get(&device, i) == 0 && get_name(name, sizeof name, device) == 0)
      printf("device %d: %s\n", i, name);
  }
  return 0;
}

static int probe_nvml(void) {
  void* library = load("libnvidia-ml.so.1");
  if (library == NULL) return 1;
  const nvml_init_function init = (nvml_init_function)dlsym(library, "nvmlInit_v2");
  const version_function get_version =
      (version_function)dlsym(library, "nvmlSystemGetDriverVersion");
  if (!init || !get_version) {
    printf("libnvidia-ml.so.1: incomplete\n");
    return 1;
  }
  const int status = init();
  printf("nvmlInit: %d\n", status);
  char version[80] = "";
  if (status != 0 || get_version(version, sizeof version) != 0) return 1;
  printf("driver version: %s\n", version);
  return 0;
}

int main(void) {
  const int cuda = probe_cuda();
  const int nvml = probe_nvml();
  return cuda != 0 || nvml != 0;
}
