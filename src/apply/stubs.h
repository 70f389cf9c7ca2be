// SPDX-License-Identifier: Apache-2.0
// What a mount point made for a bind holds, which stays in the image's writable layer.
#pragma once

#include <string_view>

#include "gpuhook/plan.h"

namespace gpuhook::apply {

// The content of the file under a bound file.
std::string_view stub_of(const ContainerPath& target);
// Of one under a socket.
std::string_view socket_stub();

// Gives the empty files that a runtime has made as mount points of `plan` their content. `rootfs`
// is the container's root directory as the host sees it, without the container's mounts. What
// cannot be written stays empty, which disturbs no more than ldconfig's peace.
void fill_stubs(const InjectionPlan& plan, const HostPath& rootfs);

}  // namespace gpuhook::apply
