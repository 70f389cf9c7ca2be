// SPDX-License-Identifier: Apache-2.0
// Asks gpu-hook-nvml, believes what fits to the kernel's own words, and merges it.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>

#include "base/text.h"
#include "base/try.h"
#include "gpuhook/gpuhook.h"
#include "nvml_service.h"
#include "sys/child.h"

namespace gpuhook {
namespace {

constexpr std::size_t kMaxQuestionBytes = 8192;
constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20U;

tl::unexpected<Error> nonsense(std::string_view what) {
  return fail(ErrorKind::kBadInput, concat("answered nonsense: ", what));
}

// --- XDR ---

class Xdr {
 public:
  Xdr(std::span<char> memory, xdr_op direction) {
    xdrmem_create(&xdr_, memory.data(), static_cast<unsigned>(memory.size()), direction);
  }
  Xdr(const Xdr&) = delete;
  Xdr& operator=(const Xdr&) = delete;
  ~Xdr() { xdr_destroy(&xdr_); }
  XDR* get() { return &xdr_; }
  [[nodiscard]] std::size_t position() { return xdr_getpos(&xdr_); }

 private:
  XDR xdr_{};
};

// Owns what decoding allocated.
class Answer {
 public:
  Answer() = default;
  Answer(Answer&& other) noexcept : answer_(std::exchange(other.answer_, {})) {}
  Answer& operator=(Answer&&) = delete;
  ~Answer() {
    xdr_free(reinterpret_cast<xdrproc_t>(&xdr_gpuhook_nvml_answer),
             reinterpret_cast<char*>(&answer_));
  }
  gpuhook_nvml_answer* get() { return &answer_; }
  const gpuhook_nvml_answer& operator*() const { return answer_; }

 private:
  gpuhook_nvml_answer answer_{};
};

Result<std::vector<std::byte>> encoded_question(const std::string& library,
                                                const std::string& user) {
  std::string path = library;
  std::string name = user;
  gpuhook_nvml_question question{.library = path.data(), .user = name.data()};
  std::vector<std::byte> bytes(kMaxQuestionBytes);
  Xdr xdr({reinterpret_cast<char*>(bytes.data()), bytes.size()}, XDR_ENCODE);
  if (!xdr_gpuhook_nvml_question(xdr.get(), &question))
    return fail(ErrorKind::kBadInput, "the configured user has too long a name");
  bytes.resize(xdr.position());
  return bytes;
}

Result<Answer> decoded_answer(std::vector<std::byte> bytes) {
  Answer answer;
  Xdr xdr({reinterpret_cast<char*>(bytes.data()), bytes.size()}, XDR_DECODE);
  if (!xdr_gpuhook_nvml_answer(xdr.get(), answer.get())) return nonsense("not in the agreed form");
  if ((*answer).protocol != GPUHOOK_NVML_PROTOCOL) return nonsense("it is of another version");
  return answer;
}

// --- what is believed ---

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

Result<std::string> cuda_version(int number) {
  if (number == 0) return std::string();
  const int major = number / 1000;
  const int minor = number % 1000 / 10;
  if (major < 8 || major > 99) return nonsense(concat("CUDA version ", std::to_string(number)));
  return concat(major, ".", minor);
}

Result<std::string> architecture(int major, int minor) {
  if (major < 0) return std::string();
  if (major == 0 || major > 99 || minor < 0 || minor > 99)
    return nonsense("a compute capability that no GPU has");
  return concat(major, ".", minor);
}

Status merge_mig(std::span<const gpuhook_nvml_mig> devices, Gpu& gpu) {
  for (const gpuhook_nvml_mig& told : devices) {
    const Result<DeviceSelector> name = parse_selector(told.uuid);
    if (!name) return nonsense(concat("MIG device ", in_quotes(told.uuid)));
    // Drivers before 470 name MIG devices by GPU and instance, which needs no asking.
    const auto* const uuid = std::get_if<MigUuid>(&*name);
    if (uuid == nullptr) continue;
    for (MigInstance& mig : gpu.mig) {
      if (mig.gpu_instance == told.gpu_instance && mig.compute_instance == told.compute_instance)
        mig.uuid = uuid->uuid;
    }
  }
  return {};
}

Status merge_gpu(const gpuhook_nvml_gpu& told, Inventory& inventory) {
  const Result<PciAddress> pci = PciAddress::parse(told.pci);
  if (!pci) return nonsense(concat("PCI address ", in_quotes(told.pci)));
  const std::string brand = told.brand;
  if (!is_plain(brand)) return nonsense("a brand with unprintable characters");
  const std::string compute = TRY(architecture(told.architecture_major, told.architecture_minor));
  for (Gpu& gpu : inventory.gpus) {
    if (gpu.pci != *pci) continue;
    gpu.brand = brand;
    gpu.architecture = compute;
    TRY(merge_mig({told.mig.mig_val, told.mig.mig_len}, gpu));
  }
  return {};
}

Status merge(const gpuhook_nvml_answer& told, Inventory& inventory) {
  if (*told.problem != '\0') return fail(ErrorKind::kUnsupported, one_line(told.problem));
  if (inventory.driver.text() != told.driver) {
    return fail(ErrorKind::kUnsupported,
                concat("says that the driver is ", in_quotes(told.driver),
                       ", and the kernel module is ", inventory.driver.text()));
  }
  std::string cuda = TRY(cuda_version(told.cuda));
  for (const gpuhook_nvml_gpu& gpu : std::span(told.gpus.gpus_val, told.gpus.gpus_len))
    TRY(merge_gpu(gpu, inventory));
  if (!cuda.empty()) inventory.cuda_version = std::move(cuda);
  return {};
}

// --- asking ---

// The management library as the host's own programs find it: in the driver root.
Result<std::string> library_path(const Inventory& inventory) {
  const auto found =
      std::find_if(inventory.files.begin(), inventory.files.end(), [](const DriverFile& file) {
        return file.kind == DriverFileKind::kLibrary && !file.compat32 &&
               file.path.name().starts_with("libnvidia-ml.so.");
      });
  if (found == inventory.files.end())
    return fail(ErrorKind::kNotFound, "is not in the driver root");
  const std::string root = inventory.driver_root.text();
  return concat(root == "/" ? "" : root, found->path.text());
}

Result<Inventory> asked(const Inventory& inventory, const DriverQuestions& questions) {
  if (!questions.allowed) return fail(ErrorKind::kRefused, "is not asked, by the configuration");
  if (!questions.helper)
    return fail(ErrorKind::kNotFound,
                "is not asked: gpu-hook-nvml is neither beside gpu-hook nor in ../libexec");
  const std::vector<std::byte> question =
      TRY(encoded_question(TRY(library_path(inventory)), questions.user));
  const sys::ChildLimits limits{.deadline = std::chrono::milliseconds(questions.deadline_ms),
                                .answer_bytes = kMaxAnswerBytes};
  const Answer answer =
      TRY(decoded_answer(TRY(sys::ask_program(*questions.helper, question, limits))));
  Inventory told = inventory;
  TRY(merge(*answer, told));
  told.unanswered.clear();
  return told;
}

}  // namespace

Inventory ask_driver_library(Inventory inventory, const Config& config) {
  Result<Inventory> told = asked(inventory, config.questions);
  if (told) return std::move(*told);
  inventory.unanswered = concat("the driver library ", to_line(told.error()));
  inventory.absences.push_back({.what = "answers of libnvidia-ml", .reason = inventory.unanswered});
  return inventory;
}

}  // namespace gpuhook
