/* SPDX-License-Identifier: Apache-2.0
 *
 * Says what opening device nodes gives: on a host without a driver ENXIO means that the device
 * filter let the call through, EPERM that it did not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char usage[] =
    "usage: node-probe [--read] PATH...        open each PATH (read-write) and print PATH and OK "
    "or the errno's name\n"
    "       node-probe mknod PATH MAJOR MINOR  make the character device first, then the same\n"
    "Ends with 0 whatever the opens gave, with 1 when the node could not be made.\n";

static const char* error_name(int error) {
  switch (error) {
    case EACCES:
      return "EACCES";
    case EBUSY:
      return "EBUSY";
    case EEXIST:
      return "EEXIST";
    case EIO:
      return "EIO";
    case EISDIR:
      return "EISDIR";
    case ELOOP:
      return "ELOOP";
    case ENODEV:
      return "ENODEV";
    case ENOENT:
      return "ENOENT";
    case ENOTDIR:
      return "ENOTDIR";
    case ENXIO:
      return "ENXIO";
    case EPERM:
      return "EPERM";
    case EROFS:
      return "EROFS";
    default:
      return NULL;
  }
}

static void report(const char* path, int error) {
  const char* name = error_name(error);
  if (error == 0) {
    printf("%s OK\n", path);
  } else if (name != NULL) {
    printf("%s %s\n", path, name);
  } else {
    printf("%s errno=%d\n", path, error);
  }
}

static void probe(const char* path, int access_mode) {
  const int fd = open(path, access_mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  report(path, fd < 0 ? errno : 0);
  if (fd >= 0) close(fd);
}

static int make_and_probe(char** arguments) {
  const unsigned major_number = (unsigned)strtoul(arguments[1], NULL, 10);
  const unsigned minor_number = (unsigned)strtoul(arguments[2], NULL, 10);
  if (mknod(arguments[0], S_IFCHR | 0666, makedev(major_number, minor_number)) != 0) {
    printf("mknod ");
    report(arguments[0], errno);
    return 1;
  }
  probe(arguments[0], O_RDWR);
  return 0;
}

int main(int argc, char** argv) {
  int first = 1;
  int access_mode = O_RDWR;
  if (argc == 5 && strcmp(argv[1], "mknod") == 0) return make_and_probe(argv + 2);
  if (argc > 1 && strcmp(argv[1], "--read") == 0) {
    access_mode = O_RDONLY;
    first = 2;
  }
  if (first >= argc || strcmp(argv[first], "--help") == 0) {
    fputs(usage, stdout);
    return first >= argc ? 2 : 0;
  }
  for (int i = first; i < argc; ++i) probe(argv[i], access_mode);
  return 0;
}
