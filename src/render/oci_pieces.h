// SPDX-License-Identifier: Apache-2.0
// The ops of a plan as the JSON pieces of a config.json.
#pragma once

#include <string>
#include <vector>

#include "gpuhook/spec.h"

namespace gpuhook::render {

struct OciPieces {
  std::vector<std::string> devices;  // of linux.devices
  std::vector<std::string> paths;    // of these, in the same order
  std::vector<std::string> rules;    // of linux.resources.devices
  std::vector<std::string> mounts;   // of mounts
  std::vector<std::string> gids;     // of process.user.additionalGids
  std::vector<Note> notes;
};

// Errors: kRefused when a volume covers the place of something required.
Result<OciPieces> oci_pieces(const ContainerSpec& spec, const SpecEdit& edit);

std::string hook_piece(const CompletionHook& hook);

// Options of the bind mount for an op, as OCI and CDI spell them.
std::vector<std::string> mount_options(const Op& op);

// The path of an op's source as the host sees it.
std::string host_path(const HostPath& root, const HostPath& path);

}  // namespace gpuhook::render
