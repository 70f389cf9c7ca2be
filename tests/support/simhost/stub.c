/* SPDX-License-Identifier: Apache-2.0
 *
 * Contents of every simulated driver library that nothing calls: an ELF file with a name and one
 * symbol. */
__attribute__((visibility("default"))) extern const char simhost_library[];
const char simhost_library[] = "simulated driver library " DRIVER_VERSION;
