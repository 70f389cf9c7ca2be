// SPDX-License-Identifier: Apache-2.0
// The state of the process itself, before it looks at anything from outside.
#pragma once

namespace gpuhook::hook {

// Makes nothing inherited matter: standard descriptors exist, all others are closed, signals have
// their default actions, umask is 022, no core is dumped, memory is limited to 512 MiB, the
// environment is empty, and the process ends with one line after ten seconds, or without one after
// eleven when not even that line can be written.
void clean_process();

// For the commands that work in a container: no process of another user may look into this one.
void become_undumpable();

}  // namespace gpuhook::hook
