// SPDX-License-Identifier: Apache-2.0
// posix_spawn, a socket pair, and patience measured by the monotonic clock.
#include "sys/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/unique_fd.h"
#include "sys/error.h"

namespace gpuhook::sys {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long a child that was killed, or has said everything, may take to end.
constexpr milliseconds kGrace{500};

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class Attributes {
 public:
  Attributes() { posix_spawnattr_init(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

// A child that has ended, or is made to end, before this goes.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ == 0) return;
    (void)kill(pid_, SIGKILL);  // not reaped yet, so that the number is still the child's
    (void)wait_until(Clock::now() + kGrace);
  }

  // Why it ended otherwise than with status 0. Errors: kUnsupported, with the reason.
  Status wait_until(Clock::time_point end) {
    do {
      siginfo_t info{};
      const int waited =
          retried([&] { return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG); });
      if (waited < 0) return failed("waitid", errno);
      if (info.si_pid == pid_) return judge(info);
      (void)poll(nullptr, 0, 1);
    } while (Clock::now() < end);
    return fail(ErrorKind::kUnsupported, "does not end");
  }

 private:
  Status judge(const siginfo_t& info) {
    pid_ = 0;
    if (info.si_code != CLD_EXITED)
      return fail(ErrorKind::kUnsupported, concat("was ended by signal ", info.si_status));
    if (info.si_status != 0)
      return fail(ErrorKind::kUnsupported, concat("ended with status ", info.si_status));
    return {};
  }

  pid_t pid_;
};

Result<Child> spawn(const HostPath& program, int socket) {
  FileActions actions;
  Attributes attributes;
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  (void)posix_spawnattr_setsigdefault(attributes.get(), &all);
  (void)posix_spawnattr_setsigmask(attributes.get(), &none);
  (void)posix_spawnattr_setflags(
      attributes.get(), POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  (void)posix_spawn_file_actions_adddup2(actions.get(), socket, STDIN_FILENO);
  (void)posix_spawn_file_actions_adddup2(actions.get(), socket, STDOUT_FILENO);
  (void)posix_spawn_file_actions_addopen(actions.get(), STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string path = program.text();
  std::array<char*, 2> arguments{path.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, path.c_str(), actions.get(), attributes.get(),
                                arguments.data(), environment.data());
  if (error != 0) return failed(concat("starting ", in_quotes(path)), error);
  return Child(pid);
}

Status send_all(int socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        retried([&] { return send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent < 0) return failed("send", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  (void)shutdown(socket, SHUT_WR);
  return {};
}

// Nothing when the deadline passed.
Result<std::optional<std::vector<std::byte>>> receive_all(int socket, Clock::time_point end,
                                                          std::size_t limit) {
  std::vector<std::byte> answer;
  std::array<std::byte, 16384> chunk{};
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    if (left.count() <= 0) return std::optional<std::vector<std::byte>>();
    pollfd waited{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = poll(&waited, 1, static_cast<int>(left.count()));
    if (ready == 0) return std::optional<std::vector<std::byte>>();
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return failed("poll", errno);
    const ssize_t got = retried([&] { return recv(socket, chunk.data(), chunk.size(), 0); });
    if (got < 0 && errno != ECONNRESET) return failed("recv", errno);
    if (got <= 0) return std::optional<std::vector<std::byte>>(std::move(answer));
    answer.insert(answer.end(), chunk.begin(), chunk.begin() + got);
    if (answer.size() > limit) return fail(ErrorKind::kUnsupported, "says too much");
  }
}

}  // namespace

Result<std::vector<std::byte>> ask_program(const HostPath& program,
                                           std::span<const std::byte> question,
                                           const ChildLimits& limits) {
  const Clock::time_point end = Clock::now() + limits.deadline;
  std::array<int, 2> pair{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return failed("socketpair", errno);
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  Child child = TRY(spawn(program, theirs.get()));
  theirs.reset();
  // A child that ended early says why by its status, not by a broken socket.
  const Status sent = send_all(ours.get(), question);
  std::optional<std::vector<std::byte>> answer =
      TRY(receive_all(ours.get(), end, limits.answer_bytes));
  if (!answer) {
    return fail(ErrorKind::kUnsupported,
                concat("did not answer within ", limits.deadline.count(), " ms"));
  }
  TRY(child.wait_until(std::max(end, Clock::now() + kGrace)));
  TRY(Status(sent));
  return std::move(*answer);
}

}  // namespace gpuhook::sys
