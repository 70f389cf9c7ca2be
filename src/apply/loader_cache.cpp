// SPDX-License-Identifier: Apache-2.0
// The container's loader cache: read, merge, write beside. The rename comes last of all, so that a
// crash leaves the old one.
#include "apply/loader_cache.h"

#include "base/text.h"
#include "base/try.h"
#include "formats/ld_cache.h"

namespace gpuhook::apply {
namespace {

#if defined(__aarch64__)
constexpr std::int32_t kFlags = formats::kLibc6Aarch64;
constexpr std::int32_t kCompatFlags = formats::kLibc6ArmHardFloat;
#else
constexpr std::int32_t kFlags = formats::kLibc6X8664;
constexpr std::int32_t kCompatFlags = formats::kLibc6I386;
#endif

std::vector<formats::LdCacheEntry> entries_of(const UpdateLoaderCache& update) {
  std::vector<formats::LdCacheEntry> entries;
  for (const LoaderEntry& entry : update.entries) {
    entries.push_back({.flags = entry.compat32 ? kCompatFlags : kFlags,
                       .name = entry.soname,
                       .path = entry.path.text()});
  }
  return entries;
}

// The bytes of the present cache; empty when there is none or when it is no plain file (a link is
// replaced, not followed).
Result<std::vector<std::byte>> present_cache(sys::Kernel& kernel, TargetTree& tree, int directory,
                                             const std::string& name) {
  const std::optional<Found> found = TRY(tree.look(directory, name));
  if (!found || found->status.type == sys::FileType::kSymlink) return std::vector<std::byte>();
  if (found->status.type != sys::FileType::kRegular) {
    return fail(ErrorKind::kRefused, concat(in_quotes(name), " is neither a file nor a link"),
                "mend the image");
  }
  if (found->status.mount_root) {
    return fail(ErrorKind::kRefused, concat(in_quotes(name), " is a volume of the container"));
  }
  const UniqueFd file = TRY(kernel.openat2(directory, name, {.open = sys::Open::kRead}));
  if (!TRY(kernel.statx(file.get())).same_inode(found->status)) {
    return fail(ErrorKind::kRefused, concat(in_quotes(name), " was exchanged while it was opened"));
  }
  return kernel.read(file.get(), formats::kMaxLdCacheBytes + 1);
}

}  // namespace

Result<std::optional<PendingCache>> prepare_cache(sys::Kernel& kernel, TargetTree& tree,
                                                  const UpdateLoaderCache& update,
                                                  UndoStack& undo) {
  const int directory = TRY(tree.directory(update.target.parent(), undo));
  const std::string name(update.target.name());
  const std::vector<std::byte> old_bytes = TRY(present_cache(kernel, tree, directory, name));
  const Result<formats::LdCache> old = formats::parse_ld_cache(old_bytes);
  const std::vector<formats::LdCacheEntry> ours = entries_of(update);
  const std::vector<std::byte> bytes =
      formats::encode_ld_cache(formats::merge_ld_cache(old ? *old : formats::LdCache(), ours));
  if (bytes == old_bytes) return std::optional<PendingCache>();
  PendingCache pending{
      .directory = directory, .beside = tree.temporary(directory, name), .name = name};
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  (void)TRY(tree.create_file(directory, pending.beside, 0644, content, undo));
  return std::optional<PendingCache>(std::move(pending));
}

}  // namespace gpuhook::apply
