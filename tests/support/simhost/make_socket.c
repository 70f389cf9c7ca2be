/* SPDX-License-Identifier: Apache-2.0
 *
 * make-socket PATH: leaves a listening-looking AF_UNIX socket at PATH, with nobody behind it. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int main(int argc, char** argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) {
    fputs("usage: make-socket PATH\n", stderr);
    return 2;
  }
  strcpy(address.sun_path, argv[1]);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (const struct sockaddr*)&address, sizeof address) != 0 ||
      chmod(argv[1], 0666) != 0) {
    perror(argv[1]);
    return 1;
  }
  return 0;
}
