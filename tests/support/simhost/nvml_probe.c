/* SPDX-License-Identifier: Apache-2.0
 *
 * nvml-probe [--strict] [LIBRARY]: prints what an NVML library says of the machine. With --strict
 * it first gives up all system calls but those for files, directories and memory. */
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

typedef const void* Device;

struct pci_info {
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};

static struct {
  int (*init)(void);
  int (*shutdown)(void);
  int (*driver_version)(char*, unsigned);
  int (*cuda_version)(int*);
  int (*cuda_version_v2)(int*);
  int (*count)(unsigned*);
  int (*handle)(unsigned, Device*);
  int (*minor)(Device, unsigned*);
  int (*pci)(Device, struct pci_info*);
  int (*uuid)(Device, char*, unsigned);
  int (*name)(Device, char*, unsigned);
  int (*brand)(Device, unsigned*);
  int (*capability)(Device, int*, int*);
  int (*mig_mode)(Device, unsigned*, unsigned*);
  int (*mig_max)(Device, unsigned*);
  int (*mig_handle)(Device, unsigned, Device*);
  int (*mig_gi)(Device, unsigned*);
  int (*mig_ci)(Device, unsigned*);
} nvml;

static const struct {
  const char* name;
  void* function;
} entry_points[] = {
    {"nvmlInit_v2", &nvml.init},
    {"nvmlShutdown", &nvml.shutdown},
    {"nvmlSystemGetDriverVersion", &nvml.driver_version},
    {"nvmlSystemGetCudaDriverVersion", &nvml.cuda_version},
    {"nvmlSystemGetCudaDriverVersion_v2", &nvml.cuda_version_v2},
    {"nvmlDeviceGetCount_v2", &nvml.count},
    {"nvmlDeviceGetHandleByIndex_v2", &nvml.handle},
    {"nvmlDeviceGetMinorNumber", &nvml.minor},
    {"nvmlDeviceGetPciInfo_v3", &nvml.pci},
    {"nvmlDeviceGetUUID", &nvml.uuid},
    {"nvmlDeviceGetName", &nvml.name},
    {"nvmlDeviceGetBrand", &nvml.brand},
    {"nvmlDeviceGetCudaComputeCapability", &nvml.capability},
    {"nvmlDeviceGetMigMode", &nvml.mig_mode},
    {"nvmlDeviceGetMaxMigDeviceCount", &nvml.mig_max},
    {"nvmlDeviceGetMigDeviceHandleByIndex", &nvml.mig_handle},
    {"nvmlDeviceGetGpuInstanceId", &nvml.mig_gi},
    {"nvmlDeviceGetComputeInstanceId", &nvml.mig_ci},
};

static bool load(const char* library) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    printf("%s\n", dlerror());
    return false;
  }
  for (size_t i = 0; i < sizeof entry_points / sizeof entry_points[0]; ++i) {
    void* symbol = dlsym(handle, entry_points[i].name);
    if (symbol == NULL) {
      printf("no %s\n", entry_points[i].name);
      return false;
    }
    memcpy(entry_points[i].function, &symbol, sizeof symbol);
  }
  return true;
}

/* What a reader of files needs, and the random number that malloc takes. Anything else ends the
 * process. */
static void become_strict(void) {
  static const int allowed[] = {
      SYS_read,       SYS_pread64,    SYS_open,      SYS_openat,     SYS_close,
      SYS_stat,       SYS_fstat,      SYS_lstat,     SYS_access,     SYS_lseek,
      SYS_mmap,       SYS_munmap,     SYS_brk,       SYS_write,      SYS_mprotect,
      SYS_newfstatat, SYS_getdents64, SYS_getrandom, SYS_exit_group,
  };
  enum { kCount = sizeof allowed / sizeof allowed[0] };
  const unsigned load_number = BPF_LD | BPF_W | BPF_ABS, if_equal = BPF_JMP | BPF_JEQ | BPF_K;
  struct sock_filter filter[kCount + 3];
  filter[0] = (struct sock_filter)BPF_STMT(load_number, offsetof(struct seccomp_data, nr));
  for (unsigned i = 0; i < kCount; ++i)
    filter[i + 1] = (struct sock_filter)BPF_JUMP(if_equal, allowed[i], kCount - i, 0);
  filter[kCount + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  filter[kCount + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const struct sock_fprog program = {.len = kCount + 3, .filter = filter};
  const struct rlimit none = {0, 0}, few = {16, 16}, megabytes = {64 << 20, 64 << 20};
  if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_NPROC, &none) != 0 ||
      setrlimit(RLIMIT_MEMLOCK, &none) != 0 || setrlimit(RLIMIT_NOFILE, &few) != 0 ||
      setrlimit(RLIMIT_AS, &megabytes) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("nvml-probe");
    exit(2);
  }
}

/* A text that fills its buffer is shown by what is odd about it. */
static void print_text(const char* title, int status, const char* text, size_t size) {
  size_t length = strnlen(text, size);
  unsigned control = 0;
  for (size_t i = 0; i < length; ++i) control += (unsigned char)text[i] < ' ';
  if (status != 0) {
    printf("%s: error %d\n", title, status);
  } else if (length == size || control > 0) {
    printf("%s: %s end, %s control bytes\n", title, length == size ? "no" : "an",
           control > 0 ? "with" : "without");
  } else {
    printf("%s: %s\n", title, text);
  }
}

static void print_migs(Device gpu) {
  char uuid[96];
  unsigned current = 0, pending = 0, most = 0, gi = 0, ci = 0;
  Device mig = NULL;
  printf("mig mode: %d", nvml.mig_mode(gpu, &current, &pending));
  printf(" %u", current);
  nvml.mig_max(gpu, &most);
  printf(", at most %u\n", most);
  for (unsigned i = 0; i < most && nvml.mig_handle(gpu, i, &mig) == 0; ++i) {
    nvml.mig_gi(mig, &gi);
    nvml.mig_ci(mig, &ci);
    printf("mig %u: gi %u ci %u\n", i, gi, ci);
    print_text("mig uuid", nvml.uuid(mig, uuid, sizeof uuid), uuid, sizeof uuid);
  }
}

static void print_gpu(unsigned index) {
  char uuid[80], name[96];
  struct pci_info pci;
  unsigned minor = 0, brand = 0;
  int major_capability = 0, minor_capability = 0;
  Device gpu = NULL;
  if (nvml.handle(index, &gpu) != 0 || nvml.minor(gpu, &minor) != 0 || nvml.pci(gpu, &pci) != 0 ||
      nvml.brand(gpu, &brand) != 0 ||
      nvml.capability(gpu, &major_capability, &minor_capability) != 0) {
    printf("gpu %u: error\n", index);
    return;
  }
  printf("gpu %u: minor %u at %s, device %08x, brand %u, capability %d.%d\n", index, minor,
         pci.bus_id, pci.pci_device_id, brand, major_capability, minor_capability);
  print_text("uuid", nvml.uuid(gpu, uuid, sizeof uuid), uuid, sizeof uuid);
  print_text("name", nvml.name(gpu, name, sizeof name), name, sizeof name);
  print_migs(gpu);
}

int main(int argc, char** argv) {
  static char output[1 << 14];
  char version[80];
  unsigned count = 0;
  int cuda = 0;
  const int strict = argc > 1 && strcmp(argv[1], "--strict") == 0;
  setvbuf(stdout, output, _IOFBF, sizeof output); /* so that stdio does not ask what stdout is */
  if (strict) become_strict();
  if (!load(argc > 1 + strict ? argv[1 + strict] : "libnvidia-ml.so.1")) return 1;
  const int status = nvml.init();
  if (status != 0) {
    printf("init: error %d\n", status);
    return 1;
  }
  print_text("driver", nvml.driver_version(version, sizeof version), version, sizeof version);
  printf("cuda: %d", nvml.cuda_version(&cuda) == 0 ? cuda : -1);
  printf(" %d\n", nvml.cuda_version_v2(&cuda) == 0 ? cuda : -1);
  nvml.count(&count);
  printf("gpus: %u\n", count);
  for (unsigned i = 0; i < count && i < 3; ++i) print_gpu(i);
  printf("shutdown: %d\n", nvml.shutdown());
  printf("afterwards: %d\n", nvml.count(&count));
  return 0;
}
