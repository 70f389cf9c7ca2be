// SPDX-License-Identifier: Apache-2.0
// The hook that gpu-hook writes into specifications, from both sides: its arguments, and what it
// does.
#pragma once

#include <optional>
#include <string>

#include "planning.h"
#include "settings.h"

namespace gpuhook::hook {

// What the hook is told.
struct CompletionOptions {
  RequestOptions request;
  // The devices are those whose nodes the specification has given to the container, by whatever
  // choice an engine has made.
  bool devices_of_spec = false;
  // Where the specification mounts the libraries, "multiarch" or "lib64". Empty: where the image
  // has its own.
  std::string libraries;
  // How `cdi refresh` shall name devices; means nothing to the hook.
  std::string name_by;
  // Fingerprint of the host that the specification was made for, of which the driver's version is
  // compared; empty: it is not.
  std::string made_for;
};

// OCI hook at stage createRuntime; `state` is the document from standard input.
Status complete(const std::string& state, const CompletionOptions& options,
                const Settings& settings);

// The arguments after the program's name and options that make `complete` do what belongs to
// `plan`, which was made for `request`. `options` gives what no plan knows.
// Errors: kSystem when this program's own path is unknown.
Result<CompletionHook> completion_hook(const InjectionPlan& plan, const Request& request,
                                       const CompletionOptions& options, const Settings& settings);

// Errors: kBadInput for a name that is none.
Result<std::optional<LibraryConvention>> library_convention(std::string_view name);

}  // namespace gpuhook::hook
