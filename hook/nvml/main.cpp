// SPDX-License-Identifier: Apache-2.0
// gpu-hook-nvml: asks the driver's management library what the kernel does not tell. Started by
// gpu-hook with a question on standard input; of no use to people.
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "confinement.h"
#include "library.h"
#include "nvml_service.h"

namespace gpuhook::nvml {
namespace {

constexpr std::size_t kMaxQuestionBytes = 8192;
constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20U;

std::vector<char> read_question() {
  std::vector<char> bytes(kMaxQuestionBytes);
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = read(STDIN_FILENO, bytes.data() + size, bytes.size() - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

struct Question {
  std::string library;
  std::string user;
};

bool decode(std::vector<char> bytes, Question& question) {
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<unsigned>(bytes.size()), XDR_DECODE);
  gpuhook_nvml_question decoded{};
  const bool good = xdr_gpuhook_nvml_question(&xdr, &decoded) != 0;
  if (good) question = {.library = decoded.library, .user = decoded.user};
  xdr_free(reinterpret_cast<xdrproc_t>(&xdr_gpuhook_nvml_question),
           reinterpret_cast<char*>(&decoded));
  xdr_destroy(&xdr);
  return good;
}

// The answers in the form of the service; the texts stay where they are.
std::vector<gpuhook_nvml_mig> mig_of(GpuAnswer& gpu) {
  std::vector<gpuhook_nvml_mig> list;
  for (MigDevice& mig : gpu.mig) {
    list.push_back({.gpu_instance = mig.gpu_instance,
                    .compute_instance = mig.compute_instance,
                    .uuid = mig.uuid.data()});
  }
  return list;
}

bool write_all(std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool send(Answers answers) {
  std::vector<std::vector<gpuhook_nvml_mig>> mig;
  std::vector<gpuhook_nvml_gpu> gpus;
  for (GpuAnswer& gpu : answers.gpus) {
    mig.push_back(mig_of(gpu));
    gpus.push_back({.pci = gpu.pci.data(),
                    .brand = gpu.brand.data(),
                    .architecture_major = gpu.architecture_major,
                    .architecture_minor = gpu.architecture_minor,
                    .mig = {.mig_len = static_cast<unsigned>(mig.back().size()),
                            .mig_val = mig.back().data()}});
  }
  gpuhook_nvml_answer answer{
      .protocol = GPUHOOK_NVML_PROTOCOL,
      .problem = answers.problem.data(),
      .driver = answers.driver.data(),
      .cuda = answers.cuda,
      .gpus = {.gpus_len = static_cast<unsigned>(gpus.size()), .gpus_val = gpus.data()}};
  std::vector<char> bytes(kMaxAnswerBytes);
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<unsigned>(bytes.size()), XDR_ENCODE);
  const bool good = xdr_gpuhook_nvml_answer(&xdr, &answer) != 0;
  const std::size_t size = xdr_getpos(&xdr);
  xdr_destroy(&xdr);
  return good && write_all(std::span(bytes).first(size));
}

int run() {
  const pid_t parent = getppid();
  Question question;
  if (!decode(read_question(), question)) return EXIT_FAILURE;
  Answers answers{.problem = confine(question.user, parent), .driver = {}, .gpus = {}};
  if (answers.problem.empty()) {
    answers = ask_library(question.library.c_str());
  } else {
    answers.problem = "is not asked without confinement: " + answers.problem;
  }
  return send(std::move(answers)) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace gpuhook::nvml

int main() {
  const int status = gpuhook::nvml::run();
  // What the library registered to run at exit, and its threads, are no concern of anybody.
  _exit(status);
}
