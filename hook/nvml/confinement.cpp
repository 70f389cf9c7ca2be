// SPDX-License-Identifier: Apache-2.0
// Confinement by rlimits, ids, libcap and libseccomp, in this order: each step needs what a later
// one takes away.
#include "confinement.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>

namespace gpuhook::nvml {
namespace {

constexpr id_t kOverflowId = 65534;  // /proc/sys/kernel/overflowuid, unless somebody changed it

std::string failure(const std::string& what) { return what + ": " + std::strerror(errno); }

// --- limits ---

void set_limit(__rlimit_resource resource, rlim_t value) {
  const rlimit limit{.rlim_cur = value, .rlim_max = value};
  (void)setrlimit(resource, &limit);  // only ever lowered; a lower one in force is as good
}

void limit_resources() {
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_FSIZE, 0);  // files are another user's anyway
  set_limit(RLIMIT_CPU, 8);
  set_limit(RLIMIT_NOFILE, 512);
  // RLIMIT_AS is inherited: 512 MiB, in which NVML of driver 580 works.
  (void)std::signal(SIGXFSZ, SIG_IGN);
}

// --- identity ---

// Whether ids are mapped at all: the initial namespace maps every id to itself.
bool in_user_namespace() {
  std::array<char, 64> map{};
  const int file = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? -1 : read(file, map.data(), map.size() - 1);
  if (file >= 0) close(file);
  return size > 0 && std::strstr(map.data(), "4294967295") == nullptr;
}

struct Identity {
  uid_t uid = kOverflowId;
  gid_t gid = kOverflowId;
};

std::optional<id_t> number_of(const std::string& text) {
  id_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
  return value;
}

// "user" or "user:group", each by name or number. A user by number has no group of its own.
std::optional<Identity> identity_of(const std::string& user) {
  const std::size_t colon = user.find(':');
  const std::string name = user.substr(0, colon);
  Identity identity;
  const std::optional<id_t> number = number_of(name);
  const passwd* const entry = number ? getpwuid(*number) : getpwnam(name.c_str());
  if (entry == nullptr && !number) return std::nullopt;
  identity.uid = entry == nullptr ? *number : entry->pw_uid;
  if (entry != nullptr) identity.gid = entry->pw_gid;
  if (colon == std::string::npos) return entry == nullptr ? std::nullopt : std::optional(identity);
  const std::string group = user.substr(colon + 1);
  if (const std::optional<id_t> gid = number_of(group)) {
    identity.gid = *gid;
  } else if (const struct group* const found = getgrnam(group.c_str())) {
    identity.gid = found->gr_gid;
  } else {
    return std::nullopt;
  }
  return identity;
}

// Root owns the host's files, with or without capabilities: the helper never stays root.
// "root:video" means the group, which opens the nodes where they are not for everybody.
Identity without_root(Identity identity) {
  if (identity.uid == 0) identity.uid = kOverflowId;
  if (identity.gid == 0) identity.gid = kOverflowId;
  return identity;
}

std::string become(const std::string& user) {
  if (geteuid() != 0) return {};  // nothing to give up
  const std::optional<Identity> wanted = user.empty() ? Identity() : identity_of(user);
  if (!wanted) return "there is no user or group \"" + user + "\"";
  const Identity identity = without_root(*wanted);
  const bool done = setgroups(0, nullptr) == 0 &&
                    setresgid(identity.gid, identity.gid, identity.gid) == 0 &&
                    setresuid(identity.uid, identity.uid, identity.uid) == 0;
  // A user namespace that maps nobody else has nothing to become, and its root is no root.
  if (done || (errno == EINVAL && user.empty())) return {};
  if (errno == EPERM && user.empty() && in_user_namespace()) return {};
  return failure("becoming user " + user);
}

// The kernel forgets this with every change of ids. Whoever started us is not interested any more
// when it has gone.
std::string follow_parent(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return failure("parent death signal");
  return getppid() == parent ? "" : "who asked has gone";
}

// --- privileges ---

struct CapFree {
  void operator()(void* caps) const { (void)cap_free(caps); }
};

std::string drop_privileges() {
  const std::unique_ptr<_cap_struct, CapFree> none(cap_init());
  if (!none || cap_set_proc(none.get()) != 0) return failure("dropping capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failure("no_new_privs");
  return {};
}

// --- system calls ---

// A condition on an argument; the macros of seccomp.h do the same in C.
scmp_arg_cmp argument(unsigned number, scmp_compare how, scmp_datum_t a, scmp_datum_t b = 0) {
  return {.arg = number, .op = how, .datum_a = a, .datum_b = b};
}

constexpr std::array kAllowedCalls{
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(fcntl),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(pipe2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() { seccomp_release(context_); }

  template <class... Conditions>
  void allow(int call, Conditions... conditions) {
    add(SCMP_ACT_ALLOW, call, conditions...);
  }
  template <class... Conditions>
  void add(std::uint32_t action, int call, Conditions... conditions) {
    // A call that this architecture does not have needs no rule.
    const int added =
        seccomp_rule_add(context_, action, call, sizeof...(conditions), conditions...);
    good_ = good_ && (added == 0 || added == -EDOM || added == -EEXIST);
  }
  bool load() { return context_ != nullptr && good_ && seccomp_load(context_) == 0; }

 private:
  scmp_filter_ctx context_;
  bool good_ = true;
};

std::string filter_calls() {
  Filter filter;
  for (const int call : kAllowedCalls) filter.allow(call);
  // Every ioctl but the one that types into a terminal.
  filter.allow(SCMP_SYS(ioctl), argument(1, SCMP_CMP_LT, TIOCSTI));
  filter.allow(SCMP_SYS(ioctl), argument(1, SCMP_CMP_GT, TIOCSTI));
  // Opening, but neither creating nor cutting off.
  constexpr scmp_datum_t kChanging = O_CREAT | O_TRUNC;
  filter.allow(SCMP_SYS(openat), argument(2, SCMP_CMP_MASKED_EQ, kChanging));
  filter.allow(SCMP_SYS(open), argument(1, SCMP_CMP_MASKED_EQ, kChanging));
  // Threads, but no processes. clone3 hides its flags from filters: the C library falls back.
  filter.allow(SCMP_SYS(clone), argument(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  filter.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  // To itself only: abort() sends a signal.
  filter.allow(SCMP_SYS(tgkill), argument(0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid())));
  filter.allow(SCMP_SYS(prctl), argument(0, SCMP_CMP_EQ, PR_SET_NAME));
  filter.allow(SCMP_SYS(prlimit64), argument(2, SCMP_CMP_EQ, 0));  // asking only
  if (!filter.load()) return "the system call filter cannot be set";
  return {};
}

}  // namespace

std::string confine(const std::string& user, pid_t parent) {
  limit_resources();
  std::string failed = become(user);
  (void)prctl(PR_SET_DUMPABLE, 0);
  if (failed.empty()) failed = follow_parent(parent);
  if (failed.empty()) failed = drop_privileges();
  if (failed.empty()) failed = filter_calls();
  return failed;
}

}  // namespace gpuhook::nvml
