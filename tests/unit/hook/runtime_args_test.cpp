// SPDX-License-Identifier: Apache-2.0
#include "runtime_args.h"

#include <gtest/gtest.h>

#include <ostream>
#include <vector>

#include "base/text.h"

namespace gpuhook::hook {

void PrintTo(const RuntimeArguments& arguments, std::ostream* out) {
  *out << (arguments.makes_container ? "makes a container" : "makes none") << ", bundle \""
       << arguments.bundle << "\", spec \"" << arguments.spec_file << "\", log \"" << arguments.log
       << "\"" << (arguments.log_json ? " as JSON" : "");
}

namespace {

// Words between single blanks.
RuntimeArguments parsed(std::string_view line) {
  const std::vector<std::string_view> arguments = words(line);
  return parse_runtime_arguments(arguments);
}

TEST(ParseRuntimeArguments, KnowsTheCommandsThatMakeContainers) {
  struct {
    std::string_view line;
    bool expected;
  } const rows[] = {
      {"create id", true},
      {"run id", true},
      {"create", true},
      {"", false},
      {"start id", false},
      {"exec id sh", false},
      {"state id", false},
      {"delete --force id", false},
      {"spec", false},
      {"--version", false},
      {"--help", false},
      {"Create id", false},
      {"created id", false},
      {"ru id", false},
      // What names a container, or a program in it, is no command.
      {"start create", false},
      {"state run", false},
      {"exec id run", false},
      {"kill create KILL", false},
      {"create create", true},
      {"--root /x -- create id", true},
      {"-r /x create id", true},
      {"-- start id", false},
      {"--cgroup-man cgroupfs run id", true},
      {"-", false},
      {"- create", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(parsed(row.line), (RuntimeArguments{.makes_container = row.expected})) << row.line;
}

TEST(ParseRuntimeArguments, FindsAConfigurationOutsideOfTheBundle) {
  for (const std::string_view line :
       {"run --config /c.json id", "run --config=/c.json id", "run -f /c.json id",
        "run -f/c.json id", "run -df /c.json id", "run id -f /c.json"}) {
    EXPECT_EQ(parsed(line), (RuntimeArguments{.makes_container = true, .spec_file = "/c.json"}))
        << line;
  }
}

TEST(ParseRuntimeArguments, StepsOverOptionsBeforeTheCommand) {
  for (const std::string_view options : {"--root /run/r",
                                         "--root=/run/r",
                                         "-root /run/r",
                                         "-root=/run/r",
                                         "--root create",
                                         "--root start",
                                         "--root --",
                                         "--root --debug",
                                         "--systemd-cgroup",
                                         "--debug",
                                         "--debug --systemd-cgroup=true",
                                         "--criu /x",
                                         "--rootless auto",
                                         "--rootless=auto",
                                         "--cgroup-manager systemd",
                                         "--cgroup-manager=disabled",
                                         "--log-level debug",
                                         "--log-level=debug",
                                         "--log=",
                                         "--log-format text",
                                         "--no-such-option",
                                         "--root /a --root /b --rootless true --debug"}) {
    EXPECT_EQ(parsed(concat(options, " create id")), RuntimeArguments{.makes_container = true})
        << options;
    EXPECT_EQ(parsed(concat(options, " state create")), RuntimeArguments{}) << options;
  }
}

TEST(ParseRuntimeArguments, ReadsTheBundle) {
  struct {
    std::string_view line, expected;
  } const rows[] = {
      {"create id", ""},
      {"create --bundle /b id", "/b"},
      {"create --bundle=/b id", "/b"},
      {"create -bundle /b id", "/b"},
      {"create -bundle=/b id", "/b"},
      {"create -b /b id", "/b"},
      {"create -b=/b id", "/b"},
      {"create -b/b id", "/b"},
      {"create -b/b=c id", "/b=c"},
      {"create -db /b id", "/b"},
      {"create -db/b id", "/b"},
      {"run --bun /b id", "/b"},
      {"run --bun=/b id", "/b"},
      {"create -bb id", "b"},
      {"create -bbundles/1 id", "bundles/1"},
      {"run --bundle . id", "."},
      {"run --bundle ../b id", "../b"},
      {"run --bundle create id", "create"},
      {"run --bundle /b=c id", "/b=c"},
      {"run --bundle=/b=c id", "/b=c"},
      {"run --bundle= id", ""},
      {"create --bundle /a --bundle /b id", "/b"},
      {"create -b /a --bundle=/b id", "/b"},
      {"--root /r create --bundle /b id", "/b"},
      {"--bundle /a create id", ""},
      {"create --bundle /b --bogus id", "/b"},
  };
  for (const auto& row : rows) EXPECT_EQ(parsed(row.line).bundle, row.expected) << row.line;
}

TEST(ParseRuntimeArguments, ReadsOptionsBehindTheContainersName) {
  EXPECT_EQ(parsed("create id --bundle /b"),
            (RuntimeArguments{.makes_container = true, .bundle = "/b"}));
  EXPECT_EQ(parsed("run id -b/b --config /c.json"),
            (RuntimeArguments{.makes_container = true, .bundle = "/b", .spec_file = "/c.json"}));
}

TEST(ParseRuntimeArguments, ReadsTheSpecificationsFile) {
  struct {
    std::string_view line, expected;
  } const rows[] = {
      {"create id", ""},
      {"create --config /c.json id", "/c.json"},
      {"create --config=/c.json id", "/c.json"},
      {"create -f /c.json id", "/c.json"},
      {"run --config c.json --config d.json id", "d.json"},
      {"--config /c.json create id", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(parsed(row.line).spec_file, row.expected) << row.line;
}

TEST(ParseRuntimeArguments, StepsOverOptionsOfTheCommand) {
  for (const std::string_view options :
       {"--console-socket --bundle", "--console-socket=/s", "--pid-file --bundle",
        "--pid-file=/bundle", "--preserve-fds -b", "--preserve-fds=3", "--pidfd-socket --bundle",
        "--no-pivot", "--no-new-keyring", "--detach", "-d", "--keep", "--no-subreaper",
        "-no-pivot"}) {
    EXPECT_EQ(parsed(concat("create ", options, " --bundle /b id")),
              (RuntimeArguments{.makes_container = true, .bundle = "/b"}))
        << options;
  }
}

TEST(ParseRuntimeArguments, ReadsNoOptionBehindTwoDashes) {
  EXPECT_EQ(parsed("create --bundle /b -- id --bundle /c"),
            (RuntimeArguments{.makes_container = true, .bundle = "/b"}));
  EXPECT_EQ(parsed("run -- --bundle"), RuntimeArguments{.makes_container = true});
  EXPECT_EQ(parsed("run id -- -b /c"), RuntimeArguments{.makes_container = true});
}

TEST(ParseRuntimeArguments, TakesTwoDashesForAValueWhereOneIsExpected) {
  EXPECT_EQ(parsed("create --pid-file -- --bundle /b id").bundle, "/b");
  EXPECT_EQ(parsed("create --bundle -- id").bundle, "--");
}

TEST(ParseRuntimeArguments, ReadsTheLog) {
  struct {
    std::string_view line;
    RuntimeArguments expected;
  } const rows[] = {
      {"--log /l create id", {.makes_container = true, .log = "/l"}},
      {"--log=/l create id", {.makes_container = true, .log = "/l"}},
      {"-log /l create id", {.makes_container = true, .log = "/l"}},
      {"--log create run id", {.makes_container = true, .log = "create"}},
      {"--log /k --log /l create id", {.makes_container = true, .log = "/l"}},
      {"--log-format json create id", {.makes_container = true, .log_json = true}},
      {"--log-format=json create id", {.makes_container = true, .log_json = true}},
      {"--log-format text create id", {.makes_container = true}},
      {"--log-format=JSON create id", {.makes_container = true}},
      {"--log-format json --log-format text create id", {.makes_container = true}},
      {"--log-level json create id", {.makes_container = true}},
      {"--log /l --log-format json state id", {.log = "/l", .log_json = true}},
      {"create --log /l id", {.makes_container = true}},
      {"state --log /l id", {}},
  };
  for (const auto& row : rows) EXPECT_EQ(parsed(row.line), row.expected) << row.line;
}

TEST(ParseRuntimeArguments, LivesWithMissingValues) {
  struct {
    std::string_view line;
    RuntimeArguments expected;
  } const rows[] = {
      {"--root", {}},
      {"--log", {}},
      {"--log-format", {}},
      {"--log create", {.log = "create"}},
      {"create --bundle", {.makes_container = true}},
      {"create -b", {.makes_container = true}},
      {"create id -f", {.makes_container = true}},
      {"create --bundle /b --config", {.makes_container = true, .bundle = "/b"}},
      {"create --bundle --config /c", {.makes_container = true, .bundle = "--config"}},
      {"create --", {.makes_container = true}},
      {"--", {}},
  };
  for (const auto& row : rows) EXPECT_EQ(parsed(row.line), row.expected) << row.line;
}

TEST(ParseRuntimeArguments, TakesEmptyArgumentsForWhatTheyAre) {
  const std::vector<std::string_view> empty_bundle{"create", "--bundle", "", "id"};
  EXPECT_EQ(parse_runtime_arguments(empty_bundle), RuntimeArguments{.makes_container = true});
  const std::vector<std::string_view> empty_command{"", "create", "id"};
  EXPECT_EQ(parse_runtime_arguments(empty_command), RuntimeArguments{});
  const std::vector<std::string_view> blank{"create", "--bundle", "/a b", "id"};
  EXPECT_EQ(parse_runtime_arguments(blank).bundle, "/a b");
}

// As containerd, dockerd, CRI-O and podman call runc and crun.
TEST(ParseRuntimeArguments, UnderstandsEngines) {
  EXPECT_EQ(
      parsed("--root /run/containerd/runc/k8s.io --log "
             "/run/containerd/io.containerd.runtime.v2.task/k8s.io/1a/log.json "
             "--log-format json --systemd-cgroup create --bundle "
             "/run/containerd/io.containerd.runtime.v2.task/k8s.io/1a --pid-file "
             "/run/containerd/io.containerd.runtime.v2.task/k8s.io/1a/init.pid 1a"),
      (RuntimeArguments{.makes_container = true,
                        .bundle = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/1a",
                        .log = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/1a/log.json",
                        .log_json = true}));
  EXPECT_EQ(parsed("--systemd-cgroup --root=/run/crun create --bundle /s/userdata --pid-file "
                   "/s/userdata/pidfile --console-socket /s/attach 2b"),
            (RuntimeArguments{.makes_container = true, .bundle = "/s/userdata"}));
  EXPECT_EQ(parsed("--root /run/runc --systemd-cgroup start 1a"), RuntimeArguments{});
}

}  // namespace
}  // namespace gpuhook::hook
