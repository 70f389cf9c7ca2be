// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "fake_host.h"
#include "gpuhook/cdi_plan.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempTree;
using testing::value_of;

constexpr std::string_view kJson =
    R"({"cdiVersion":"0.5.0","kind":"v/c","devices":[{"name":"j","containerEdits":{"env":["A=1"]}}]})";
constexpr std::string_view kYaml =
    "cdiVersion: 0.5.0\nkind: v/c\ndevices:\n- {name: d, containerEdits: {env: [A=1]}}\n";

class CdiFilesTest : public ::testing::Test {
 protected:
  [[nodiscard]] HostPath path(const std::string& name) const {
    return HostPath::literal(tree.host_path("/" + name));
  }
  // "FILE: DEVICE", or "FILE: ERROR", without the directory of the test.
  [[nodiscard]] std::vector<std::string> files_in(const std::vector<std::string>& names) const {
    std::vector<HostPath> directories;
    for (const std::string& name : names) directories.push_back(path(name));
    std::vector<std::string> found;
    for (const CdiFile& file : read_cdi_directories(directories)) {
      found.push_back(concat(file.path.text().substr(tree.host_path("").size()), ": ",
                             file.spec ? file.spec->devices[0].name : "broken"));
    }
    return found;
  }
  TempTree tree;
};

TEST_F(CdiFilesTest, AreReadInTheFormatOfTheirNames) {
  tree.write("/d/a.json", kJson);
  tree.write("/d/b.yaml", kYaml);
  EXPECT_THAT(files_in({"d"}), ElementsAre("/d/a.json: j", "/d/b.yaml: d"));
}

TEST_F(CdiFilesTest, AreThoseThatEnginesRead) {
  for (const std::string name : {"a.yml", "a.txt", "a", "json", "a.json.bak", "sub/a.json"})
    tree.write("/d/" + name, kJson);
  EXPECT_THAT(files_in({"d"}), IsEmpty());
}

TEST_F(CdiFilesTest, ComeInTheOrderOfTheirDirectories) {
  tree.write("/b/1.json", kJson);
  tree.write("/a/2.json", kJson);
  EXPECT_THAT(files_in({"b", "a"}), ElementsAre("/b/1.json: j", "/a/2.json: j"));
}

TEST_F(CdiFilesTest, NeedNoDirectory) {
  tree.write("/a/1.json", kJson);
  EXPECT_THAT(files_in({"none", "a"}), ElementsAre("/a/1.json: j"));
}

TEST_F(CdiFilesTest, AreToldWhereTheyBreakARule) {
  tree.write("/d/a.json", "{");
  tree.write("/d/b.json", R"({"cdiVersion":"0.5.0","kind":"v/c","devices":[]})");
  tree.write("/d/c.json", kJson);
  EXPECT_THAT(files_in({"d"}),
              ElementsAre("/d/a.json: broken", "/d/b.json: broken", "/d/c.json: j"));
  EXPECT_THAT(
      error_of(read_cdi_directories({path("d")})[1].spec),
      HasSubstr(concat("reading ", in_quotes(path("d/b.json").text()), ": no \"devices\"")));
}

TEST_F(CdiFilesTest, AreReadByThemselves) {
  tree.write("/a.json", kJson);
  EXPECT_EQ(value_of(read_cdi_file(path("a.json")))->devices[0].name, "j");
  EXPECT_EQ(value_of(read_cdi_file(path("none.json"))), std::nullopt);
  tree.write("/b.json", "{");
  EXPECT_FALSE(read_cdi_file(path("b.json")));
}

}  // namespace
}  // namespace gpuhook
