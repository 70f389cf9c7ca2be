// SPDX-License-Identifier: Apache-2.0
// What is believed of the driver library's answers, with a script in the helper's place that says
// prepared bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "fake_host.h"
#include "gpuhook/gpuhook.h"
#include "nvml_service.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using ::testing::HasSubstr;
using testing::sample_inventory;
using testing::TempTree;

const std::string kMigUuid = "MIG-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";

struct Told {
  unsigned protocol = GPUHOOK_NVML_PROTOCOL;
  std::string problem;
  std::string driver = "550.54.15";
  int cuda = 12050;
  std::string pci = "00000000:0B:00.0";  // GPU 1 of the sample host
  std::string brand = "Tesla";
  int architecture_major = 8;
  std::string mig_uuid = kMigUuid;  // of instance 2/0
};

std::string encoded(Told told) {
  gpuhook_nvml_mig mig{.gpu_instance = 2, .compute_instance = 0, .uuid = told.mig_uuid.data()};
  gpuhook_nvml_gpu gpu{.pci = told.pci.data(),
                       .brand = told.brand.data(),
                       .architecture_major = told.architecture_major,
                       .architecture_minor = 0,
                       .mig = {.mig_len = 1, .mig_val = &mig}};
  gpuhook_nvml_answer answer{.protocol = told.protocol,
                             .problem = told.problem.data(),
                             .driver = told.driver.data(),
                             .cuda = told.cuda,
                             .gpus = {.gpus_len = 1, .gpus_val = &gpu}};
  std::string bytes(4096, '\0');
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<unsigned>(bytes.size()), XDR_ENCODE);
  EXPECT_TRUE(xdr_gpuhook_nvml_answer(&xdr, &answer));
  bytes.resize(xdr_getpos(&xdr));
  return bytes;
}

// Asks a script; `questions` are all settings but the helper.
Inventory after(const std::string& answer,
                const std::string& script = "cat > /dev/null; cat answer",
                DriverQuestions questions = {}) {
  const TempTree tree;
  tree.write("/answer", answer);
  tree.write("/helper", "#!/bin/sh\ncd \"${0%/*}\"\n" + script + "\n", 0755);
  questions.helper = HostPath::literal(tree.host_path("/helper"));
  return ask_driver_library(sample_inventory(), {.questions = questions});
}

// The sample host as it is before anybody is asked, with the reason why it stayed so.
Inventory unchanged_but(const std::string& why) {
  Inventory host = sample_inventory();
  host.unanswered = "the driver library " + why;
  host.absences.push_back({.what = "answers of libnvidia-ml", .reason = host.unanswered});
  return host;
}

TEST(AskDriverLibrary, TakesBrandArchitectureUuidsAndCudaVersion) {
  Inventory expected = sample_inventory();
  expected.unanswered.clear();
  expected.cuda_version = "12.5";
  expected.gpus[1].brand = "Tesla";
  expected.gpus[1].architecture = "8.0";
  expected.gpus[1].mig[2].uuid = kMigUuid;
  EXPECT_EQ(after(encoded({})), expected);
}

TEST(AskDriverLibrary, KeepsWhatTheLibraryDoesNotKnow) {
  const Inventory host =
      after(encoded({.cuda = 0, .brand = "", .architecture_major = -1, .mig_uuid = kMigUuid}));
  EXPECT_EQ(host.unanswered, "");
  EXPECT_EQ(host.cuda_version, "12.4");
  EXPECT_EQ(host.gpus[1].brand, "");
  EXPECT_EQ(host.gpus[1].architecture, "");
}

TEST(AskDriverLibrary, BelievesNothingOfAnAnswerThatContradictsTheKernel) {
  EXPECT_EQ(
      after(encoded({.driver = "999.99"})),
      unchanged_but("says that the driver is \"999.99\", and the kernel module is 550.54.15"));
}

TEST(AskDriverLibrary, BelievesNothingOfAnAnswerWithNonsenseInIt) {
  const auto why = [](const Told& told) { return after(encoded(told)).unanswered; };
  EXPECT_EQ(why({.cuda = 4711}), "the driver library answered nonsense: CUDA version 4711");
  EXPECT_EQ(why({.cuda = -1}), "the driver library answered nonsense: CUDA version -1");
  EXPECT_EQ(why({.pci = "up there"}),
            "the driver library answered nonsense: PCI address \"up there\"");
  EXPECT_EQ(why({.brand = "Te\x1bsla"}),
            "the driver library answered nonsense: a brand with unprintable characters");
  EXPECT_EQ(why({.architecture_major = 0}),
            "the driver library answered nonsense: a compute capability that no GPU has");
  EXPECT_EQ(why({.mig_uuid = "MIG-1"}),
            "the driver library answered nonsense: MIG device \"MIG-1\"");
  EXPECT_EQ(why({.protocol = 7}), "the driver library answered nonsense: it is of another version");
  EXPECT_EQ(after(encoded({.cuda = 4711})).gpus, sample_inventory().gpus);
}

TEST(AskDriverLibrary, PassesOnWhyTheLibraryFailed) {
  EXPECT_EQ(after(encoded({.problem = "cannot be initialised: GPU is lost"})),
            unchanged_but("cannot be initialised: GPU is lost"));
  EXPECT_EQ(after(encoded({.problem = "two\nlines"})).unanswered, "the driver library two?lines");
}

TEST(AskDriverLibrary, TakesNoPartOfAnAnswerThatIsCutOff) {
  const std::string whole = encoded({});
  for (std::size_t size = 0; size < whole.size(); size += 4) {
    EXPECT_EQ(after(whole.substr(0, size)).unanswered,
              "the driver library answered nonsense: not in the agreed form")
        << size;
  }
}

TEST(AskDriverLibrary, NamesHangsCrashesAndFailures) {
  EXPECT_EQ(after("", "exec sleep 60", {.deadline_ms = 100}).unanswered,
            "the driver library did not answer within 100 ms");
  EXPECT_EQ(after("", "kill -ABRT $$").unanswered, "the driver library was ended by signal 6");
  EXPECT_EQ(after(encoded({}), "cat answer; exit 1").unanswered,
            "the driver library ended with status 1");
}

TEST(AskDriverLibrary, SaysWhyItIsNotAsked) {
  EXPECT_EQ(ask_driver_library(sample_inventory(), {}).unanswered,
            "the driver library is not asked: gpu-hook-nvml is neither beside gpu-hook nor in "
            "../libexec");
  EXPECT_EQ(after("", "exit 0", {.allowed = false}).unanswered,
            "the driver library is not asked, by the configuration");
}

}  // namespace
}  // namespace gpuhook
