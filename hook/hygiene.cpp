// SPDX-License-Identifier: Apache-2.0
// Process hygiene. Failures are ignored on purpose: each step defends against a careless caller,
// none is a precondition.
#include "hygiene.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace gpuhook::hook {
namespace {

constexpr unsigned kDeadlineSeconds = 10;
constexpr rlim_t kMaxMemoryBytes = rlim_t{512} << 20U;  // a hundred times what a start needs

void on_deadline(int /*signal*/) {
  constexpr std::string_view kLine =
      "gpu-hook: gave up after 10 s; a file system or the container runtime's pipe does not "
      "answer\n";
  (void)!write(STDERR_FILENO, kLine.data(), kLine.size());  // _exit follows whatever happens
  _exit(1);
}

void open_missing_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // The lowest free number is the missing one, since those below it exist by now.
    if (fcntl(fd, F_GETFD) < 0) (void)open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
  }
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) (void)std::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)std::signal(SIGPIPE, SIG_IGN);
  (void)std::signal(SIGXFSZ, SIG_IGN);  // a write over RLIMIT_FSIZE shall fail, not kill
  (void)std::signal(SIGALRM, &on_deadline);
  (void)alarm(kDeadlineSeconds);
}

// A wait for a file system in user space ends by a deadly signal only, and the handler above may
// itself wait for a full pipe: one second later nothing more is asked.
void arm_last_resort() {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  timer_t timer{};
  const itimerspec once{.it_interval = {},
                        .it_value = {.tv_sec = kDeadlineSeconds + 1, .tv_nsec = 0}};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
    (void)timer_settime(timer, 0, &once, nullptr);
}

}  // namespace

void clean_process() {
  open_missing_standard_descriptors();
  (void)close_range(STDERR_FILENO + 1, ~0U, 0);
  reset_signals();
  arm_last_resort();
  (void)umask(022);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  (void)setrlimit(RLIMIT_CORE, &no_core);
  const rlimit memory{.rlim_cur = kMaxMemoryBytes, .rlim_max = kMaxMemoryBytes};
  (void)setrlimit(RLIMIT_AS, &memory);
  (void)clearenv();
}

void become_undumpable() { (void)prctl(PR_SET_DUMPABLE, 0); }

}  // namespace gpuhook::hook
