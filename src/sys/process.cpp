// SPDX-License-Identifier: Apache-2.0
// pidfd (Linux 5.3) and /proc/<pid>.
#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/error.h"
#include "sys/kernel.h"

namespace gpuhook::sys {

Result<Process> open_process(std::int64_t pid) {
  const long fd = syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0);
  if (fd < 0 && errno == ESRCH)
    return fail(ErrorKind::kNotFound, concat("process ", pid, " has ended"));
  if (fd < 0) return failed(concat("pidfd_open ", pid), errno);
  Process process{.pid = pid, .pidfd = UniqueFd(static_cast<int>(fd)), .proc = {}};
  process.proc = TRY(linux_kernel().openat2(kNoDirectory, concat("/proc/", pid),
                                            {.open = Open::kDirectory, .resolve = Resolve::kHost}));
  if (!is_alive(process)) return fail(ErrorKind::kNotFound, concat("process ", pid, " has ended"));
  return process;
}

bool is_alive(const Process& process) {
  pollfd waited{.fd = process.pidfd.get(), .events = POLLIN, .revents = 0};
  return retried([&] { return poll(&waited, 1, 0); }) == 0;  // readable once the process has ended
}

Result<bool> shares_our_namespace(const Process& process, std::string_view kind) {
  const std::string name = concat("ns/", kind);
  struct stat theirs {};
  struct stat ours {};
  if (fstatat(process.proc.get(), name.c_str(), &theirs, 0) != 0)
    return failed(concat("stat of the ", kind, " namespace of process ", process.pid), errno);
  const std::string own = concat("/proc/self/", name);
  if (stat(own.c_str(), &ours) != 0) return failed(concat("stat ", in_quotes(own)), errno);
  return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

Result<bool> share_mount_namespace(const Process& process, std::uint32_t pid) {
  struct stat theirs {};
  struct stat other {};
  if (fstatat(process.proc.get(), "ns/mnt", &theirs, 0) != 0)
    return failed("stat of a mount namespace", errno);
  const std::string name = concat("/proc/", pid, "/ns/mnt");
  if (stat(name.c_str(), &other) != 0) return failed(concat("stat ", in_quotes(name)), errno);
  return theirs.st_dev == other.st_dev && theirs.st_ino == other.st_ino;
}

}  // namespace gpuhook::sys
