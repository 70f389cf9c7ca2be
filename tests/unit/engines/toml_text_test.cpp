// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/text.h"
#include "engines/toml_statements.h"
#include "gpuhook/engines.h"
#include "support/engine_files.h"
#include "support/results.h"

namespace gpuhook::engines {
namespace {

using testing::applied;
using testing::error_of;
using testing::planned;
using testing::setup_of;

// Each statement as "FIRST-LAST PATH".
std::string statements_of(std::string_view text) {
  std::string out;
  for (const TomlStatement& statement : toml_statements(text)) {
    out += concat(statement.first, "-", statement.last, statement.header ? " [" : " ",
                  toml_spelling(statement.path), statement.header ? "]" : "", "\n");
  }
  return out;
}

TEST(TomlStatements, KnowsWhereValuesEnd) {
  EXPECT_EQ(statements_of("a = 1 # [x]\n\n# b = 2\n[t]\nc = [1, # ]\n  ']',\n]\nd = 2\n"),
            "0-1 a\n3-4 [t]\n4-7 t.c\n7-8 t.d\n");
  EXPECT_EQ(statements_of("a = \"\"\"\n[x]\nb = 1\\\"\"\"\"\"\nc = '''\n[y]'''\nd = {e = '}'}"),
            "0-3 a\n3-5 c\n5-6 d\n");
  EXPECT_EQ(statements_of("a = \"\\\"#\" \r\nb = '\\'\r\n"), "0-1 a\n1-2 b\n");
  EXPECT_EQ(statements_of("a = ''\nb = \"\"\nc = 1"), "0-1 a\n1-2 b\n2-3 c\n");
}

TEST(TomlStatements, ReadsKeysInEverySpelling) {
  EXPECT_EQ(statements_of("[ a . \"b.c\" . 'd' ]\n\"x y\".z=1\n[[l]]\nk=1\n"),
            "0-1 [a.\"b.c\".d]\n1-2 a.\"b.c\".d.\"x y\".z\n2-3 [l]\n3-4 l.k\n");
  EXPECT_EQ(statements_of(""), "");
}

TEST(TomlStatements, EndsOnWhateverText) {
  const std::string text = "[a.\"b\"]\nc = [\"\"\"x\"\"\", '''y''', {z = \"\\\\\"}] # end\n'k' = 1";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    for (std::size_t begin = 0; begin <= size; ++begin)
      (void)toml_statements(std::string_view(text).substr(begin, size - begin));
  }
}

// What podman's configuration becomes; a small one shows most.
std::string podman(const std::string& before) {
  EngineSetup setup = setup_of(Engine::kPodman, "/p");
  setup.set_default = true;
  return applied({{"/p", before}}, setup).at("/p");
}

TEST(TomlEdit, ReplacesAValueOfSeveralLinesAndKeepsTheSpellingOfTheKey) {
  EXPECT_EQ(
      podman("[engine]\n\t\"runtime\"= 'crun' # best\n[engine.runtimes]\nnvidia = [\n 'x',\n]\n"
             "crun = []\n"),
      "[engine]\n"
      "\t# begin gpu-hook\n"
      "\t# gpu-hook replaced: \t\"runtime\"= 'crun' # best\n"
      "\t\"runtime\"= \"nvidia\"\n"
      "\t# end gpu-hook\n"
      "[engine.runtimes]\n"
      "# begin gpu-hook\n"
      "# gpu-hook replaced: nvidia = [\n"
      "# gpu-hook replaced:  'x',\n"
      "# gpu-hook replaced: ]\n"
      "nvidia = [\"/usr/bin/gpu-hook-runtime\"]\n"
      "# end gpu-hook\n"
      "crun = []\n");
}

TEST(TomlEdit, WritesNothingThatIsSaidAlready) {
  const std::string text =
      "[engine]\nruntime = 'nvidia'\nruntimes.nvidia = ['/usr/bin/gpu-hook-runtime']\n";
  EXPECT_EQ(podman(text), text);
}

TEST(TomlEdit, ReplacesADottedKeyWhereItIs) {
  EXPECT_EQ(podman("engine.runtime = 'crun'\n[engine.runtimes]\n"),
            "# begin gpu-hook\n# gpu-hook replaced: engine.runtime = 'crun'\n"
            "engine.runtime = \"nvidia\"\n# end gpu-hook\n[engine.runtimes]\n"
            "  # begin gpu-hook\n  nvidia = [\"/usr/bin/gpu-hook-runtime\"]\n  # end gpu-hook\n");
}

TEST(TomlEdit, RefusesWhatHasNoPlaceForIt) {
  EngineSetup setup = setup_of(Engine::kPodman, "/p");
  setup.set_default = true;
  struct {
    std::string text, message;
  } const rows[] = {
      {"engine = {runtime = 'crun'}\n",
       "line 1: engine is written as one value, and engine.runtime belongs into it; "
       "write it as [engine] with a line for each key"},
      {"[engine]\nruntimes = {}\n",
       "line 2: engine.runtimes is written as one value, and engine.runtimes.nvidia belongs into "
       "it; "
       "write it as [engine.runtimes] with a line for each key"},
      {"[engine]\nruntimes.crun = ['/usr/bin/crun']\n",
       "as [table] headers with a line for each key"},
      {"[[engine]]\nruntime = 'crun'\n", "engine is not a table"},
      {"engine = 1\n", "line 1: engine is written as one value"},
      {"[engine\n", "line 1: not TOML"},
      {"[engine]\na = 1\na = 2\n", "line 3: not TOML"},
      {"[engine]\n[engine]\n", "line 2: not TOML"},
      {"a = 1\n# begin gpu-hook\n", "line 2: no \"# end gpu-hook\" follows"},
      {"\xef\xbb\xbf"
       "a = 1\n",
       "it begins with a byte order mark; save it without one"},
      {std::string("a = 1\n\0", 7), "it has NUL bytes"},
      {"a = '\xff'\n", "line 1: not TOML"},
      {"a = " + std::string(100000, '['), "not TOML"},
      {"a = " + std::string(100000, '{'), "not TOML"},
      {"a." + std::string(100, 'b') + "\n", "not TOML"},
  };
  for (const auto& row : rows) {
    const std::string line = error_of(planned({{"/p", row.text}}, setup));
    EXPECT_EQ(line.find("setting up podman: \"/p\": "), 0U) << line;
    EXPECT_NE(line.find(row.message), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

TEST(TomlEdit, CountsNoDotsOfStringsAndComments) {
  const std::string dots(100, '.');
  EXPECT_NE(podman(concat("# ", dots, "\na = ['", dots, "', \"\\\"", dots, "\"] # ", dots, "\n")),
            "");
  const std::string nested = concat("a", std::string(80, '.'), "\n");
  std::string keys = "a";
  for (int i = 0; i < 5000; ++i) keys += ".a";
  for (const std::string& text :
       {nested, keys + " = 1\n", "'" + keys + " = 1\n", "x = \"\"\"\n'\"\"\"\n" + keys + "= 1\n",
        "x = '''\n\"'''#'\n" + keys + "= 1\n", "x = {" + keys + " = 1}\n"})
    EXPECT_NE(error_of(planned({{"/p", text}}, setup_of(Engine::kPodman, "/p"))), "no error");
}

}  // namespace
}  // namespace gpuhook::engines
