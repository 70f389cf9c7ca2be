// SPDX-License-Identifier: Apache-2.0
#include "sys/child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "fake_host.h"
#include "support/results.h"

namespace gpuhook::sys {
namespace {

using std::chrono::milliseconds;
using testing::error_kind;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TempTree;

// A shell script that is asked.
class Script {
 public:
  explicit Script(const std::string& text) {
    tree_.write("/script", "#!/bin/sh\n" + text + "\n", 0755);
  }
  [[nodiscard]] Result<std::string> ask(const std::string& question,
                                        milliseconds deadline = milliseconds(8000),
                                        std::size_t limit = 65536) const {
    const HostPath program = HostPath::literal(tree_.host_path("/script"));
    const Result<std::vector<std::byte>> answer = ask_program(
        program, std::as_bytes(std::span(question)), {.deadline = deadline, .answer_bytes = limit});
    if (!answer) return tl::unexpected<Error>(answer.error());
    return std::string(reinterpret_cast<const char*>(answer->data()), answer->size());
  }

 private:
  TempTree tree_;
};

bool has_children() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TEST(AskProgram, CarriesQuestionAndAnswer) {
  EXPECT_EQ(Script("tr a-z A-Z").ask("who is there?"), "WHO IS THERE?");
  EXPECT_EQ(Script("exit 0").ask(""), "");
}

TEST(AskProgram, GivesAnEmptyEnvironmentAndNoArgument) {
  EXPECT_EQ(
      Script("cat > /dev/null; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL=; echo \"$#\"").ask(""),
      "0\n");
}

TEST(AskProgram, InheritsNoOtherDescriptor) {
  const int leaked = open("/", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(Script("cat > /dev/null; test -e /proc/$$/fd/" + std::to_string(leaked) +
                   " && echo leaked; readlink /proc/$$/fd/2")
                .ask(""),
            "/dev/null\n");
  close(leaked);
}

TEST(AskProgram, KillsWhatDoesNotAnswerInTime) {
  const auto answer = Script("exec sleep 60").ask("", milliseconds(200));
  EXPECT_EQ(error_kind(answer), "unsupported");
  EXPECT_EQ(error_of(answer), "did not answer within 200 ms");
  EXPECT_FALSE(has_children());
}

TEST(AskProgram, WaitsForTheEndOfTheAnswerUntilTheDeadlineOnly) {
  EXPECT_EQ(error_of(Script("echo half; exec sleep 60").ask("", milliseconds(200))),
            "did not answer within 200 ms");
  EXPECT_FALSE(has_children());
}

TEST(AskProgram, SaysHowItEnded) {
  EXPECT_EQ(error_of(Script("echo half; exit 3").ask("")), "ended with status 3");
  EXPECT_EQ(error_of(Script("kill -SEGV $$").ask("")), "was ended by signal 11");
  EXPECT_EQ(error_of(Script("kill -KILL $$").ask(std::string(4000, 'x'))), "was ended by signal 9");
}

TEST(AskProgram, RefusesAnEndlessAnswer) {
  EXPECT_EQ(error_of(Script("exec cat /dev/zero").ask("", milliseconds(8000), 100'000)),
            "says too much");
  EXPECT_FALSE(has_children());
}

TEST(AskProgram, NamesAProgramThatCannotBeStarted) {
  const auto missing = ask_program(HostPath::literal("/nonexistent/program"), {},
                                   {.deadline = milliseconds(1000), .answer_bytes = 10});
  EXPECT_EQ(error_kind(missing), "not-found");
  EXPECT_THAT(error_of(missing), HasSubstr("starting \"/nonexistent/program\""));
}

}  // namespace
}  // namespace gpuhook::sys
