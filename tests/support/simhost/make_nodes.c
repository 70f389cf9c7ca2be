/* SPDX-License-Identifier: Apache-2.0
 *
 * make-nodes DIRECTORY < LIST: makes the character devices of the list below DIRECTORY, and the
 * directories they are in. Each line is "PATH MODE MAJOR MINOR GROUP", the mode octal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Makes the directories in front of the last slash. */
static void make_parents(char* path) {
  for (char* slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0755); /* one that cannot be made shows when the node is made */
    *slash = '/';
  }
}

static int make_node(char* path, unsigned mode, unsigned major_number, unsigned minor_number,
                     unsigned group) {
  const dev_t device = makedev(major_number, minor_number);
  const mode_t type_and_mode = (mode_t)(S_IFCHR | mode);
  int result = mknod(path, type_and_mode, device);
  if (result != 0 && errno == ENOENT) {
    make_parents(path);
    result = mknod(path, type_and_mode, device);
  }
  if (result == 0 && group != 0) result = chown(path, 0, (gid_t)group);
  /* After the owner, and explicitly: not the caller's umask decides. */
  return result == 0 ? chmod(path, (mode_t)mode) : result;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: make-nodes DIRECTORY < LIST\n", stderr);
    return 2;
  }
  char name[256];
  char path[1024];
  unsigned mode, major_number, minor_number, group;
  while (scanf("%255s %o %u %u %u", name, &mode, &major_number, &minor_number, &group) == 5) {
    snprintf(path, sizeof path, "%s/%s", argv[1], name);
    if (make_node(path, mode, major_number, minor_number, group) != 0) {
      perror(path);
      return 1;
    }
  }
  if (feof(stdin)) return 0;
  fputs("make-nodes: a line of the list is not as it should be\n", stderr);
  return 1;
}
