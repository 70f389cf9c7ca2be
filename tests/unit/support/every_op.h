// SPDX-License-Identifier: Apache-2.0
// A plan with one op of every kind.
#pragma once

#include "gpuhook/plan.h"
#include "support/results.h"

namespace gpuhook::testing {

inline InjectionPlan plan_of_every_kind() {
  InjectionPlan plan;
  plan.driver = value_of(DriverVersion::parse("550.54.15"));
  plan.gpus = {0};
  plan.notes = {{.what = "libnvidia-nscq", .reason = "not on the host"}};
  const auto at = [](std::string_view path) { return HostPath::literal(path); };
  const auto to = [](std::string_view path) { return ContainerPath::literal(path); };
  plan.ops = {
      {.op = AllowDevice{.number = {195, 255}}, .reason = "rule"},
      {.op = BindDevice{.source = at("/dev/nvidiactl"),
                        .target = to("/dev/nvidiactl"),
                        .number = {195, 255}},
       .reason = "node"},
      {.op = BindFile{.source = at("/usr/lib64/libcuda.so.550.54.15"),
                      .target = to("/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15")},
       .reason = "library"},
      {.op = BindSocket{.source = at("/run/nvidia-persistenced/socket"),
                        .target = to("/run/nvidia-persistenced/socket")},
       .necessity = Necessity::kOptional,
       .reason = "socket"},
      {.op = BindDirectory{.source = at("/tmp/nvidia-mps"),
                           .target = to("/tmp/nvidia-mps"),
                           .use = DirectoryUse::kWrite},
       .necessity = Necessity::kOptional,
       .reason = "pipes"},
      {.op = MakeLink{.target = to("/usr/lib/x86_64-linux-gnu/libcuda.so.1"),
                      .points_to = "libcuda.so.550.54.15",
                      .covered_by = {}},
       .reason = "link"},
      {.op = MaskedTree{.target = to("/proc/driver/nvidia"), .files = {{"params", "a: 0\n"}}},
       .reason = "view"},
      {.op = UpdateLoaderCache{.target = to("/etc/ld.so.cache"), .entries = {}}, .reason = "cache"},
  };
  return plan;
}

}  // namespace gpuhook::testing
