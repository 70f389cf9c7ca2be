// SPDX-License-Identifier: Apache-2.0
// bpf(2) for device programs. Needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN; kernel 5.6 for
// BPF_F_REPLACE.
#include "sys/bpf.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/text.h"
#include "sys/error.h"

namespace gpuhook::sys::bpf {
namespace {

constexpr std::size_t kMaxPrograms = 64;  // the kernel's own limit for one cgroup
constexpr std::size_t kMaxInstructions = 4096;

long call(bpf_cmd command, bpf_attr& attributes) {
  return retried([&] { return syscall(SYS_bpf, command, &attributes, sizeof attributes); });
}

std::uint64_t pointer(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

// A zeroed union: the kernel refuses stray bits in members that a command does not use.
bpf_attr no_attributes() {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  return attributes;
}

Result<bpf_prog_info> information(int program, std::span<Instruction> room) {
  bpf_prog_info info{};
  info.xlated_prog_len = static_cast<std::uint32_t>(room.size_bytes());
  info.xlated_prog_insns = pointer(room.data());
  bpf_attr attributes = no_attributes();
  attributes.info.bpf_fd = static_cast<std::uint32_t>(program);
  attributes.info.info_len = sizeof info;
  attributes.info.info = pointer(&info);
  if (call(BPF_OBJ_GET_INFO_BY_FD, attributes) != 0)
    return failed("reading a device program's text", errno);
  return info;
}

}  // namespace

Result<AttachedPrograms> query(int cgroup) {
  std::array<std::uint32_t, kMaxPrograms> ids{};
  bpf_attr attributes = no_attributes();
  attributes.query.target_fd = static_cast<std::uint32_t>(cgroup);
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = pointer(ids.data());
  attributes.query.prog_cnt = kMaxPrograms;
  if (call(BPF_PROG_QUERY, attributes) != 0)
    return failed("listing the device programs of the container's cgroup", errno);
  return AttachedPrograms{.ids = {ids.begin(), ids.begin() + attributes.query.prog_cnt},
                          .flags = attributes.query.attach_flags};
}

Result<UniqueFd> program_by_id(std::uint32_t id) {
  bpf_attr attributes = no_attributes();
  attributes.prog_id = id;
  const long fd = call(BPF_PROG_GET_FD_BY_ID, attributes);
  if (fd < 0) return failed(concat("opening device program ", id), errno);
  return UniqueFd(static_cast<int>(fd));
}

Result<std::vector<Instruction>> instructions(int program) {
  std::vector<Instruction> text(kMaxInstructions);
  const bpf_prog_info info = TRY(information(program, text));
  const std::size_t count = info.xlated_prog_len / sizeof(Instruction);
  if (info.nr_map_ids != 0 || info.xlated_prog_insns == 0 || count == 0 ||
      count > kMaxInstructions) {
    return fail(ErrorKind::kRefused, "the container's device program cannot be read back");
  }
  text.resize(count);
  return text;
}

Result<UniqueFd> load(std::span<const Instruction> program) {
  std::array<char, 4096> log{};
  bpf_attr attributes = no_attributes();
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = pointer(program.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
  attributes.license = pointer("Apache-2.0");
  long fd = call(BPF_PROG_LOAD, attributes);
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  const int first_error = errno;
  attributes.log_buf = pointer(log.data());
  attributes.log_size = log.size();
  attributes.log_level = 1;
  fd = call(BPF_PROG_LOAD, attributes);  // again, for the verifier's opinion
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  const std::string_view opinion(log.data(), strnlen(log.data(), log.size()));
  return failed(
      concat("loading a device program (",
             in_quotes(opinion.substr(opinion.size() > 150 ? opinion.size() - 150 : 0)), ")"),
      first_error);
}

Status replace(int cgroup, int program, int replaced, std::uint32_t flags) {
  bpf_attr attributes = no_attributes();
  attributes.target_fd = static_cast<std::uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = flags;
  // Without BPF_F_ALLOW_MULTI a cgroup has one program and attaching is replacing; the flag is
  // refused there.
  if ((flags & BPF_F_ALLOW_MULTI) != 0) {
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = static_cast<std::uint32_t>(replaced);
  }
  if (call(BPF_PROG_ATTACH, attributes) != 0)
    return failed("replacing the container's device program", errno);
  return {};
}

}  // namespace gpuhook::sys::bpf
