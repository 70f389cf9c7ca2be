// SPDX-License-Identifier: Apache-2.0
// What holds for every configuration in tests/data/engine-configs and every combination of options.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "engines/marked_text.h"
#include "support/captured.h"
#include "support/engine_files.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::applied;
using testing::captured;
using testing::data_path;
using testing::EngineFiles;
using testing::planned;
using testing::removal_of;
using testing::setup_of;
using testing::value_of;

struct Case {
  Engine engine;
  std::string name;  // "docker/tabs.json", or "docker/nothing"
  std::string file;
  EngineFiles files;
};

std::string file_of(Engine engine, const std::string& name) {
  if (engine == Engine::kDocker) return "/etc/docker/daemon.json";
  if (engine == Engine::kK3s) return "/var/lib/rancher/k3s/agent/etc/containerd/config.toml.tmpl";
  return concat("/etc/", name);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Engine engine : kAllEngines) {
    const std::string engine_name(name_of(engine));
    const auto folder = data_path(concat("engine-configs/", engine_name));
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = concat(engine_name, "/", entry.path().filename().string());
      const std::string file = file_of(engine, name);
      cases.push_back({engine, name, file, {{file, captured(concat("engine-configs/", name))}}});
    }
    if (engine != Engine::kMicrok8s) {
      const std::string name = engine_name + "/nothing";
      cases.push_back({engine, name, file_of(engine, name), {}});
    }
  }
  return cases;
}

std::vector<EngineSetup> all_setups(const Case& the_case) {
  std::vector<EngineSetup> setups;
  for (const bool set_default : {false, true}) {
    for (const bool cdi : {false, true}) {
      const bool of_rancher = the_case.engine == Engine::kK3s || the_case.engine == Engine::kRke2;
      if (set_default && of_rancher) continue;
      EngineSetup setup = setup_of(the_case.engine, the_case.file);
      setup.set_default = set_default;
      setup.cdi = cdi;
      setups.push_back(setup);
    }
  }
  return setups;
}

template <class Check>
void for_all(Check check) {
  const std::vector<Case> cases = all_cases();
  ASSERT_GT(cases.size(), 45U);
  for (const Case& the_case : cases) {
    for (const EngineSetup& setup : all_setups(the_case)) {
      SCOPED_TRACE(
          concat(the_case.name, setup.set_default ? " default" : "", setup.cdi ? " cdi" : ""));
      check(the_case, setup);
    }
  }
}

TEST(EngineConfigs, SayAfterwardsWhichProgramIsTheRuntime) {
  for_all([](const Case& the_case, const EngineSetup& setup) {
    std::string all;
    for (const auto& [path, text] : applied(the_case.files, setup)) all += text;
    EXPECT_NE(all.find(setup.runtime.text()), std::string::npos);
  });
}

TEST(EngineConfigs, DoNotChangeWhenSetUpTwice) {
  for_all([](const Case& the_case, const EngineSetup& setup) {
    const EngineFiles once = applied(the_case.files, setup);
    EXPECT_TRUE(value_of(planned(once, setup)).files.empty());
  });
}

TEST(EngineConfigs, AreTheSameBytesAfterRemoval) {
  for_all([](const Case& the_case, const EngineSetup& setup) {
    const EngineFiles after = applied(the_case.files, setup);
    EXPECT_EQ(applied(after, removal_of(setup)), the_case.files);
  });
}

TEST(EngineConfigs, DoNotChangeWhenThereIsNothingToRemove) {
  for_all([](const Case& the_case, const EngineSetup& setup) {
    EXPECT_TRUE(value_of(planned(the_case.files, removal_of(setup))).files.empty());
  });
}

TEST(EngineConfigs, DoNotDependOnEarlierSetups) {
  for_all([](const Case& the_case, const EngineSetup& setup) {
    const EngineFiles direct = applied(the_case.files, setup);
    for (EngineSetup earlier : all_setups(the_case)) {
      earlier.runtime = HostPath::literal("/opt/other/gpu-hook-runtime");
      EXPECT_EQ(applied(applied(the_case.files, earlier), setup), direct);
    }
  });
}

// The text with a line put in before line `at`.
std::string with_line(std::string_view text, std::size_t at, std::string_view line) {
  std::string out;
  std::size_t number = 0;
  for (const std::string_view each : engines::whole_lines(text)) {
    if (number++ == at) out += line;
    out += each;
  }
  return at >= number ? concat(out, line) : out;
}

// Whether a place before line `at` is inside one of our blocks.
bool in_block(std::string_view text, std::size_t at) {
  bool inside = false;
  std::size_t number = 0;
  for (const std::string_view each : engines::whole_lines(text)) {
    if (number++ == at) return inside;
    if (each.find("# begin gpu-hook") != std::string_view::npos &&
        each.find("no mark") == std::string_view::npos)
      inside = true;
    if (each.find("# end gpu-hook") != std::string_view::npos) inside = false;
  }
  return false;
}

std::string without_text(std::string text, std::string_view piece) {
  const std::size_t at = text.find(piece);
  if (at == std::string::npos) return "the line is gone";
  return text.erase(at, piece.size());
}

TEST(EngineConfigs, KeepLinesOfOthersThatCameInBetween) {
  constexpr std::string_view kLine = "# somebody else's\n";
  for_all([&](const Case& the_case, const EngineSetup& setup) {
    const EngineFiles after = applied(the_case.files, setup);
    if (setup.engine == Engine::kDocker || !after.contains(the_case.file)) return;
    const std::string& text = after.at(the_case.file);
    const std::string before =
        the_case.files.contains(the_case.file) ? the_case.files.at(the_case.file) : "";
    const std::size_t count = engines::whole_lines(text).size();
    const std::size_t step = count > 100 ? 7 : 1;  // a few seconds are enough
    for (std::size_t at = 0; at <= count; at += step) {
      if (in_block(text, at)) continue;
      EngineFiles edited = after;
      edited[the_case.file] = with_line(text, at, kLine);
      const EngineFiles removed = applied(edited, removal_of(setup));
      ASSERT_TRUE(removed.contains(the_case.file)) << at;
      // Before the block, the line may have become the last, and then has no end.
      std::string all = removed.at(the_case.file);
      if (!all.ends_with('\n')) all += '\n';
      const std::string rest = without_text(all, kLine);
      // A file that was made keeps its preamble; a last line got its end.
      const bool grown = rest == before || rest == concat(before, "\n") ||
                         rest == concat(before, "\r\n") ||
                         (before.empty() && text.starts_with(rest));
      EXPECT_TRUE(grown) << "line " << at << " gives:\n" << removed.at(the_case.file);
    }
  });
}

TEST(EngineConfigs, KeepMembersOfOthersThatCameInBetween) {
  constexpr std::string_view kFirst = "\n  \"somebody-else\": [1],";
  constexpr std::string_view kLast = ",\n  \"somebody-else\": [1]\n";
  for_all([&](const Case& the_case, const EngineSetup& setup) {
    if (setup.engine != Engine::kDocker) return;
    const EngineFiles after = applied(the_case.files, setup);
    const std::string& text = after.at(the_case.file);
    const bool had_members =
        !the_case.files.empty() && the_case.files.at(the_case.file).find('"') != std::string::npos;
    for (const bool first : {true, false}) {
      EngineFiles edited = after;
      const std::string_view piece = first ? kFirst : kLast;
      std::string changed = text;
      changed.insert(first ? text.find('{') + 1 : text.rfind('}'), piece);
      edited[the_case.file] = changed;
      const EngineFiles removed = applied(edited, removal_of(setup));
      ASSERT_EQ(removed.size(), 1U);
      const std::string& rest = removed.at(the_case.file);
      nlohmann::json expected = nlohmann::json::object();
      if (had_members) expected = nlohmann::json::parse(the_case.files.at(the_case.file));
      expected["somebody-else"] = {1};
      EXPECT_EQ(nlohmann::json::parse(rest), expected);
      // Behind our members, the comma before it went with them or stayed with the one before them.
      if (had_members && first) {
        EXPECT_EQ(without_text(rest, piece), the_case.files.at(the_case.file));
      }
    }
  });
}

TEST(EngineConfigs, GiveALineAndNoChangeWhenCutOff) {
  for_all([](const Case& the_case, const EngineSetup& setup) {
    if (the_case.files.empty()) return;
    const std::string& text = the_case.files.at(the_case.file);
    const std::size_t step = text.size() > 500 ? text.size() / 50 : 1;
    for (std::size_t size = 0; size < text.size(); size += step) {
      const EngineFiles cut{{the_case.file, text.substr(0, size)}};
      const auto result = planned(cut, setup);
      if (!result) {
        EXPECT_EQ(to_line(result.error()).find('\n'), std::string::npos);
        continue;
      }
      EXPECT_EQ(applied(applied(cut, setup), removal_of(setup)), cut) << size << " bytes";
    }
  });
}

}  // namespace
}  // namespace gpuhook
