// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"
#include "support/engine_files.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::applied;
using testing::EngineFiles;
using testing::error_of;
using testing::planned;
using testing::removal_of;
using testing::setup_of;
using testing::value_of;

const std::string kFile = "/etc/docker/daemon.json";
const std::string kMemory = "/etc/docker/daemon.json.gpu-hook";

EngineSetup everything() {
  EngineSetup setup = setup_of(Engine::kDocker);
  setup.set_default = setup.cdi = true;
  return setup;
}

std::string docker(const std::string& before) {
  return applied({{kFile, before}}, everything()).at(kFile);
}

TEST(DockerSetup, WritesAFileWhereThereIsNone) {
  EXPECT_EQ(applied({}, everything()).at(kFile), R"({
    "runtimes": {
        "nvidia": {
            "path": "/usr/bin/gpu-hook-runtime"
        }
    },
    "default-runtime": "nvidia",
    "features": {
        "cdi": true
    }
}
)");
}

TEST(DockerSetup, WritesInTheStyleOfTheFile) {
  EXPECT_EQ(docker("{\n\t\"debug\": true,\n\t\"features\": {},\n\t\"runtimes\": {\"a\": 1}\n}"),
            "{\n\t\"debug\": true,\n\t\"features\": {\n\t\t\"cdi\": true\n\t},\n"
            "\t\"runtimes\": {\"a\": 1,\"nvidia\":{\"path\":\"/usr/bin/gpu-hook-runtime\"}},\n"
            "\t\"default-runtime\": \"nvidia\"\n}");
  EXPECT_EQ(docker(R"({"debug":true})"),
            R"({"debug":true,"runtimes":{"nvidia":{"path":"/usr/bin/gpu-hook-runtime"}},)"
            R"("default-runtime":"nvidia","features":{"cdi":true}})");
}

TEST(DockerSetup, KeepsOtherFeaturesAndRuntimes) {
  EXPECT_EQ(docker(R"({"features":{"buildkit":true},"runtimes":{"runsc":{"path":"runsc"}}})"),
            R"({"features":{"buildkit":true,"cdi":true},"runtimes":{"runsc":{"path":"runsc"},)"
            R"("nvidia":{"path":"/usr/bin/gpu-hook-runtime"}},"default-runtime":"nvidia"})");
}

TEST(DockerSetup, KeepsWhatItReplacesInAFileOfItsOwn) {
  const std::string before =
      R"({"default-runtime": "crun", "runtimes": {"nvidia": {"path": "x", "args": [ ]}}})";
  const EngineFiles after = applied({{kFile, before}}, setup_of(Engine::kDocker));
  EXPECT_EQ(after.at(kFile), R"({"default-runtime": "crun", )"
                             R"("runtimes": {"nvidia": {"path":"/usr/bin/gpu-hook-runtime"}}})");
  EXPECT_NE(after.at(kMemory).find(R"("was": "{\"path\": \"x\", \"args\": [ ]}")"),
            std::string::npos);
  EXPECT_EQ(applied(after, removal_of(everything())), (EngineFiles{{kFile, before}}));
}

TEST(DockerSetup, WritesNothingThatIsThereAlready) {
  const std::string before = R"({"default-runtime":"nvidia","features":{"cdi":true},)"
                             R"("runtimes":{"nvidia":{"path":"/usr/bin/gpu-hook-runtime"}}})";
  EXPECT_TRUE(value_of(planned({{kFile, before}}, everything())).files.empty());
}

TEST(DockerSetup, LeavesWhatOthersWroteOverItSince) {
  EngineFiles files = applied({}, everything());
  files[kFile] = R"({"runtimes":{"nvidia":{"path":"/other"}},"default-runtime":"runc"})";
  const EngineFiles after = applied(files, removal_of(everything()));
  EXPECT_EQ(after, (EngineFiles{{kFile, files[kFile]}}));
}

TEST(DockerSetup, KeepsARuntimeThatCameIntoAnObjectItMade) {
  EngineFiles files = applied({{kFile, R"({"debug": true})"}}, setup_of(Engine::kDocker));
  std::string& text = files[kFile];
  text.insert(text.size() - 2, R"(,"runsc":{"path":"runsc"})");
  EXPECT_EQ(applied(files, removal_of(everything())).at(kFile),
            R"({"debug": true,"runtimes":{"runsc":{"path":"runsc"}}})");
}

TEST(DockerSetup, ForgetsWhatItWroteWhereTheFileIsGone) {
  EngineFiles files = applied({}, everything());
  files.erase(kFile);
  EXPECT_EQ(applied(files, removal_of(everything())), EngineFiles());
}

TEST(DockerSetup, WritesTheMemoryFirstAndForgetsItLast) {
  EngineChanges changes = value_of(planned({}, everything()));
  ASSERT_EQ(changes.files.size(), 2U);
  EXPECT_EQ(changes.files[0].path.text(), kMemory);
  changes = value_of(planned(applied({}, everything()), removal_of(everything())));
  ASSERT_EQ(changes.files.size(), 2U);
  EXPECT_EQ(changes.files[1].path.text(), kMemory);
}

TEST(DockerSetup, SaysHowToRestartTheDaemonOfAUser) {
  EXPECT_EQ(value_of(planned({}, everything())).restart,
            "restart docker for this to take effect: systemctl restart docker");
  EXPECT_EQ(value_of(planned({}, setup_of(Engine::kDocker, "/home/a/.config/docker/daemon.json")))
                .restart,
            "restart docker for this to take effect: systemctl --user restart docker");
}

TEST(DockerSetup, RefusesWhatItCannotRead) {
  struct {
    std::string text, message;
  } const rows[] = {
      {"{", "malformed"},
      {"[]", "it is not a JSON object"},
      {"null", "it is not a JSON object"},
      {R"({"a":1,"a":2})", "key \"a\" appears twice"},
      {R"({"runtimes":{},"Runtimes":{}})", "Runtimes"},
      {R"({"\u0072untimes":{}})", "the key \"runtimes\" is written with escapes; write it without"},
      {R"({"runtimes":[]})", "\"runtimes\" is not an object; make it one, or take it out"},
      {R"({"runtimes":null})", "\"runtimes\" is not an object"},
      {R"({"features":"cdi"})", "\"features\" is not an object"},
      {"\xef\xbb\xbf{}", "byte order mark"},
      {std::string("{}\0", 3), "contains a NUL byte"},
      {"{} {}", "malformed"},
      {"{\"a\":\"\xff\"}", "malformed"},
      {std::string(100000, '['), "nested deeper than 64"},
      {"// a comment\n{}", "malformed"},
  };
  for (const auto& row : rows) {
    const std::string line = error_of(planned({{kFile, row.text}}, everything()));
    EXPECT_EQ(line.find("setting up docker: \"/etc/docker/daemon.json\": "), 0U) << line;
    EXPECT_NE(line.find(row.message), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

TEST(DockerSetup, RefusesAMemoryThatItDidNotWrite) {
  for (const std::string memory :
       {"", "{}", "[]", R"({"gpu-hook":2,"blank":false,"undo":[]})",
        R"({"gpu-hook":1,"blank":false,"undo":[{}]})", R"({"gpu-hook":1,"undo":[]})",
        R"({"gpu-hook":1,"blank":false,"undo":[{"path":[],"wrote":1,"made":0}]})",
        R"({"gpu-hook":1,"blank":false,"undo":[{"path":["a"],"wrote":1,"made":1}]})",
        R"({"gpu-hook":1,"blank":false,"undo":[{"path":["a"],"wrote":1,"made":-1}]})"}) {
    EXPECT_NE(error_of(planned({{kFile, "{}"}, {kMemory, memory}}, everything())), "no error")
        << memory;
  }
}

TEST(DockerSetup, ChecksWhatAHostileMemoryPutsBack) {
  const std::string memory =
      R"({"gpu-hook":1,"blank":false,"undo":[{"path":["a"],"wrote":1,"was":"}{","made":0}]})";
  EXPECT_NE(error_of(planned({{kFile, R"({"a":1})"}, {kMemory, memory}}, removal_of(everything()))),
            "no error");
}

}  // namespace
}  // namespace gpuhook
