/* SPDX-License-Identifier: Apache-2.0
 *
 * Contents of every other simulated driver program: says its name and succeeds. */
#include <stdio.h>

int main(int argc, char** argv) {
  printf("%s: simulated\n", argc > 0 ? argv[0] : "program");
  return 0;
}
