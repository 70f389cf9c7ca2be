// SPDX-License-Identifier: Apache-2.0
// Identity and capabilities of the calling thread.
#include "sys/privileges.h"

#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "base/text.h"
#include "sys/error.h"

namespace gpuhook::sys {
namespace {

struct CapFree {
  void operator()(void* caps) const { (void)cap_free(caps); }  // fails for foreign pointers only
};
using UniqueCaps = std::unique_ptr<_cap_struct, CapFree>;

// The inode of the initial user namespace in nsfs: PROC_USER_INIT_INO of the kernel's
// linux/proc_ns.h.
constexpr ino_t kInitialUserNamespace = 0xEFFFFFFD;

}  // namespace

Status set_file_identity(std::uint32_t uid, std::uint32_t gid) {
  const UniqueCaps saved(cap_get_proc());
  if (!saved) return failed("cap_get_proc", errno);
  // setfsuid reports no error; asking again with an impossible id tells what is in force
  // (setfsuid(2)).
  (void)setfsgid(gid);
  (void)setfsuid(uid);
  const auto none = static_cast<uid_t>(-1);
  if (static_cast<std::uint32_t>(setfsuid(none)) != uid ||
      static_cast<std::uint32_t>(setfsgid(none)) != gid) {
    return failed(concat("setfsuid ", uid, ", setfsgid ", gid), EPERM);
  }
  if (cap_set_proc(saved.get()) != 0) return failed("cap_set_proc", errno);
  return {};
}

Result<bool> may_administrate() {
  const UniqueCaps caps(cap_get_proc());
  cap_flag_value_t value = CAP_CLEAR;
  if (!caps || cap_get_flag(caps.get(), CAP_SYS_ADMIN, CAP_EFFECTIVE, &value) != 0)
    return failed("cap_get_proc", errno);
  return value == CAP_SET;
}

Result<bool> in_initial_user_namespace() {
  struct stat status {};
  if (stat("/proc/self/ns/user", &status) != 0) return failed("stat \"/proc/self/ns/user\"", errno);
  return status.st_ino == kInitialUserNamespace;
}

Result<bool> is_trusted_owner(std::uint32_t uid) {
  constexpr std::uint32_t kOverflowUid = 65534;
  if (uid == 0 || uid == geteuid()) return true;
  return uid == kOverflowUid && !TRY(in_initial_user_namespace());
}

}  // namespace gpuhook::sys
