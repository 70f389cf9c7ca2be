// SPDX-License-Identifier: Apache-2.0
#include "formats/config_toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "support/captured.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using testing::data_path;
using ::testing::ElementsAreArray;
using testing::error_kind;
using testing::error_of;
using testing::file_content;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::value_of;

// The sample that is installed beside the documentation.
std::string sample_file() { return file_content(data_path("../../config/gpu-hook.toml")); }

// "requests.swarm-resources = []" for each value of a file, in its order.
std::vector<std::string> settings_of(const std::string& text) {
  std::vector<std::string> settings;
  std::string table;
  for (const std::string_view line : lines(text)) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with('[')) {
      table = concat(line.substr(1, line.find(']') - 1), ".");
    } else {
      settings.push_back(concat(table, line));
    }
  }
  return settings;
}

// Whether a message can be shown in any terminal: printable ASCII, so no line break either.
bool is_printable(std::string_view message) {
  return std::all_of(message.begin(), message.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

TEST(ParseConfig, GivesTheDefaultsWhereNothingIsSet) {
  for (const std::string_view text : {"", "\n", "\r\n", "# driver-root = \"/x\"\n", "[requests]\n",
                                      "[driver-library]\n[requests]\n", "requests = {}\n",
                                      "\xef\xbb\xbf# after a byte order mark\n"}) {
    EXPECT_EQ(value_of(parse_config(text)), Config()) << in_quotes(text);
  }
}

// A text, and what it does to the defaults.
struct Setting {
  std::string_view text;
  void (*set)(Config& config);
};

void expect_settings(std::span<const Setting> rows) {
  for (const Setting& row : rows) {
    Config expected;
    row.set(expected);
    const Config actual = value_of(parse_config(row.text));
    EXPECT_EQ(actual, expected) << row.text << "\n" << write_config(actual);
  }
}

TEST(ParseConfig, ReadsEveryKeyOfTheTopLevel) {
  const Setting rows[] = {
      {R"(driver-root = "/run/nvidia/driver")",
       [](Config& config) { config.driver_root = HostPath::literal("/run/nvidia/driver"); }},
      {R"(driver-root = "/run//nvidia/./driver/")",
       [](Config& config) { config.driver_root = HostPath::literal("/run/nvidia/driver"); }},
      {R"(driver-root = "/")", [](Config& config) { config.driver_root = HostPath(); }},
      {R"(driver-root = "")", [](Config&) {}},
      {R"(device-root = '/run/nvidia/driver')",
       [](Config& config) { config.device_root = HostPath::literal("/run/nvidia/driver"); }},
      {R"(device-root = "")", [](Config&) {}},
      {"no-cgroups = true", [](Config& config) { config.no_cgroups = true; }},
      {"no-cgroups = false", [](Config&) {}},
      {"disable-require = true", [](Config& config) { config.disable_require = true; }},
      {"disable-require = false", [](Config&) {}},
      {R"(supported-driver-capabilities = ["utility", "compute"])",
       [](Config& config) {
         config.supported_capabilities = {Capability::kCompute, Capability::kUtility};
       }},
      {"supported-driver-capabilities = []",
       [](Config& config) { config.supported_capabilities = {}; }},
      {"cuda-compat = false", [](Config& config) { config.cuda_compat = false; }},
      {"cuda-compat = true", [](Config&) {}},
      {R"(leave-out = ["mps"])", [](Config& config) { config.leave_out = {Omission::kMps}; }},
      {R"(leave-out = ["mps", "mps"])",
       [](Config& config) { config.leave_out = {Omission::kMps}; }},
      {"leave-out = []", [](Config& config) { config.leave_out = {}; }},
  };
  expect_settings(rows);
}

TEST(ParseConfig, ReadsEveryKeyAboutRequests) {
  const Setting rows[] = {
      {"[requests]\naccept-env-when-unprivileged = false",
       [](Config& config) { config.accept_env_when_unprivileged = false; }},
      {"[requests]\naccept-env-when-unprivileged = true", [](Config&) {}},
      {"[requests]\naccept-volume-mounts = true",
       [](Config& config) { config.accept_volume_mounts = true; }},
      {"[requests]\naccept-volume-mounts = false", [](Config&) {}},
      {"[requests]\nfeatures-when-unprivileged = [\"imex\", \"gds\"]",
       [](Config& config) {
         config.features_when_unprivileged = {Feature::kGds, Feature::kImex};
       }},
      {"[requests]\nfeatures-when-unprivileged = []", [](Config&) {}},
      {"[requests]\nswarm-resources = [\"DOCKER_RESOURCE_GPU\", \"DOCKER_RESOURCE_FPGA\"]",
       [](Config& config) {
         config.swarm_resources = {"DOCKER_RESOURCE_GPU", "DOCKER_RESOURCE_FPGA"};
       }},
      {"[requests]\nswarm-resources = []", [](Config&) {}},
      // Other spellings of a table.
      {"requests.accept-volume-mounts = true",
       [](Config& config) { config.accept_volume_mounts = true; }},
      {"requests = { accept-volume-mounts = true }",
       [](Config& config) { config.accept_volume_mounts = true; }},
      {"[ \"requests\" ]\n\"accept-volume-mounts\" = true",
       [](Config& config) { config.accept_volume_mounts = true; }},
  };
  expect_settings(rows);
}

TEST(ParseConfig, ReadsEveryKeyAboutTheDriverLibrary) {
  const Setting rows[] = {
      {"[driver-library]\nask = false", [](Config& config) { config.questions.allowed = false; }},
      {"[driver-library]\nask = true", [](Config&) {}},
      {"[driver-library]\ndeadline-ms = 250",
       [](Config& config) { config.questions.deadline_ms = 250; }},
      {"[driver-library]\ndeadline-ms = 1_000",
       [](Config& config) { config.questions.deadline_ms = 1000; }},
      {"[driver-library]\nuser = \"nobody:video\"",
       [](Config& config) { config.questions.user = "nobody:video"; }},
      {"[driver-library]\nuser = \"\"", [](Config&) {}},
  };
  expect_settings(rows);
}

TEST(ParseConfig, NeverReadsThePathOfTheHelperFromAFile) {
  EXPECT_EQ(error_kind(parse_config("[driver-library]\nhelper = \"/tmp/evil\"\n")), "bad-input");
}

TEST(ParseConfig, ReadsEveryNameOfACapabilityFeatureAndOmission) {
  for (std::size_t i = 0; i < kCountOf<Capability>; ++i) {
    const auto member = static_cast<Capability>(i);
    const std::string text = concat("supported-driver-capabilities = [\"", name_of(member), "\"]");
    EXPECT_EQ(value_of(parse_config(text)).supported_capabilities, CapabilitySet{member}) << text;
  }
  for (std::size_t i = 0; i < kCountOf<Feature>; ++i) {
    const auto member = static_cast<Feature>(i);
    const std::string text =
        concat("requests.features-when-unprivileged = [\"", name_of(member), "\"]");
    EXPECT_EQ(value_of(parse_config(text)).features_when_unprivileged, FeatureSet{member}) << text;
  }
  for (std::size_t i = 0; i < kCountOf<Omission>; ++i) {
    const auto member = static_cast<Omission>(i);
    const std::string text = concat("leave-out = [\"", name_of(member), "\"]");
    EXPECT_EQ(value_of(parse_config(text)).leave_out, OmissionSet{member}) << text;
  }
}

TEST(ParseConfig, RefusesValuesOfAnotherTypeNamingTheirLine) {
  constexpr std::string_view kTruth = "true or false";
  constexpr std::string_view kText = "a string";
  constexpr std::string_view kList = "a list of strings";
  constexpr std::string_view kNumber = "a number of milliseconds from 100 to 8000";
  struct {
    std::string_view key, type;
  } const keys[] = {
      {"driver-root", kText},
      {"device-root", kText},
      {"no-cgroups", kTruth},
      {"disable-require", kTruth},
      {"supported-driver-capabilities", kList},
      {"cuda-compat", kTruth},
      {"leave-out", kList},
      {"requests.accept-env-when-unprivileged", kTruth},
      {"requests.accept-volume-mounts", kTruth},
      {"requests.features-when-unprivileged", kList},
      {"requests.swarm-resources", kList},
      {"driver-library.ask", kTruth},
      {"driver-library.deadline-ms", kNumber},
      {"driver-library.user", kText},
  };
  struct {
    std::string_view text, type;
  } const values[] = {
      {"true", kTruth},
      {"\"x\"", kText},
      {"[]", kList},
      {"1000", kNumber},
      {"1000.0", ""},
      {"1979-05-27", ""},
      {"1979-05-27T07:32:00Z", ""},
      {"{}", ""},
      {"{ x = true }", ""},
      {"inf", ""},
      {"07:32:00", ""},
  };
  for (const auto& key : keys) {
    for (const auto& value : values) {
      if (value.type == key.type) continue;
      EXPECT_EQ(error_of(parse_config(concat("\n", key.key, " = ", value.text, "\n"))),
                concat("line 2: \"", key.key, "\" must be ", key.type))
          << value.text;
    }
  }
}

TEST(ParseConfig, RefusesListsOfAnythingButStringsNamingTheLineOfTheEntry) {
  for (const std::string_view key :
       {"supported-driver-capabilities", "leave-out", "requests.features-when-unprivileged",
        "requests.swarm-resources"}) {
    for (const std::string_view entry : {"1", "true", "[]", "[\"mps\"]", "{}", "1.5"}) {
      const auto parsed = parse_config(concat(key, " = [\n  ", entry, ",\n]\n"));
      EXPECT_EQ(error_kind(parsed), "bad-input") << key << " " << entry;
      EXPECT_THAT(error_of(parsed), StartsWith(concat("line 2: \"", key, "\" must be "))) << entry;
    }
  }
}

TEST(ParseConfig, RefusesAValueInThePlaceOfATableNamingItsLine) {
  for (const std::string_view table : {"requests", "driver-library"}) {
    for (const std::string_view value : {"true", "\"x\"", "1", "[]", "[ {} ]"}) {
      const auto parsed = parse_config(concat("\n", table, " = ", value, "\n"));
      EXPECT_EQ(error_kind(parsed), "bad-input") << table << " " << value;
      EXPECT_THAT(error_of(parsed), StartsWith("line 2: ")) << value;
      EXPECT_THAT(error_of(parsed), HasSubstr(concat("\"", table, "\""))) << value;
    }
    EXPECT_THAT(error_of(parse_config(concat("[[", table, "]]\n"))), StartsWith("line 1: "));
  }
}

TEST(ParseConfig, RefusesPathsThatAreNotAbsoluteNamingTheirLine) {
  for (const std::string_view key : {"driver-root", "device-root"}) {
    for (const std::string_view path :
         {"run/nvidia", "./run", "~/driver", " ", "/run/../etc", ".."}) {
      EXPECT_EQ(error_of(parse_config(concat("\n\n", key, " = \"", path, "\"\n"))),
                concat("line 3: \"", key, "\" must be an absolute path"))
          << path;
    }
    EXPECT_EQ(error_kind(parse_config(concat(key, " = \"/", std::string(4095, 'a'), "\""))),
              "bad-input");
  }
}

TEST(ParseConfig, RefusesStringsWithNul) {
  for (const std::string_view text :
       {"driver-root = \"/a\\u0000b\"", "device-root = \"/a\\u0000b\"",
        "driver-library.user = \"root\\u0000\"", "requests.swarm-resources = [\"A\\u0000B\"]",
        "leave-out = [\"mps\\u0000\"]"}) {
    EXPECT_EQ(error_kind(parse_config(text)), "bad-input") << text;
    EXPECT_THAT(error_of(parse_config(text)), StartsWith("line 1: ")) << text;
  }
}

TEST(ParseConfig, TakesDeadlinesFrom100To8000Milliseconds) {
  for (const std::uint32_t value : {100U, 101U, 5000U, 7999U, 8000U}) {
    EXPECT_EQ(value_of(parse_config(concat("driver-library.deadline-ms = ", value)))
                  .questions.deadline_ms,
              value);
  }
  for (const std::string_view value : {"99", "8001", "0", "-100", "-5000", "4294967396",
                                       "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(
        error_of(parse_config(concat("[driver-library]\ndeadline-ms = ", value))),
        "line 2: \"driver-library.deadline-ms\" must be a number of milliseconds from 100 to 8000")
        << value;
  }
}

TEST(ParseConfig, TakesRuntimesByNameOrAbsolutePath) {
  EXPECT_EQ(value_of(parse_config("runtime.runtimes = [\"crun\", \"/opt/runc\"]")).runtimes,
            (std::vector<std::string>{"crun", "/opt/runc"}));
  EXPECT_EQ(error_of(parse_config("runtime.runtimes = [\"bin/runc\"]")),
            "line 1: \"runtime.runtimes\" must be a list of program names or absolute paths");
  EXPECT_EQ(error_of(parse_config("runtime.runtimes = []")),
            "line 1: \"runtime.runtimes\" must be a list with at least one program");
}

TEST(ParseConfig, NamesAnUnknownKeyWithItsLineAndListsTheKnownOnes) {
  EXPECT_EQ(error_of(parse_config("[requests]\n\naccept-env = true\n")),
            "line 3: unknown key \"requests.accept-env\"; known keys: driver-root, device-root, "
            "no-cgroups, disable-require, supported-driver-capabilities, cuda-compat, leave-out, "
            "requests.accept-env-when-unprivileged, requests.accept-volume-mounts, "
            "requests.features-when-unprivileged, requests.ignore-imex-channels, "
            "requests.swarm-resources, requests.annotation-prefixes, "
            "requests.accept-annotations, runtime.runtimes, runtime.add-device-groups, "
            "driver-library.ask, "
            "driver-library.deadline-ms, driver-library.user");
}

TEST(ParseConfig, RefusesUnknownKeysEverywhere) {
  struct {
    std::string_view text, expected;
  } const rows[] = {
      {"no-cgroup = true", R"(line 1: unknown key "no-cgroup";)"},
      {"no_cgroups = true", R"(line 1: unknown key "no_cgroups";)"},
      {"No-Cgroups = true", R"(line 1: unknown key "No-Cgroups";)"},
      {"no-cgroups = true\n\nroot = \"/\"\n", R"(line 3: unknown key "root";)"},
      {"[request]\n", R"(line 1: unknown key "request";)"},
      {"[request]\naccept-volume-mounts = true\n", R"(line 1: unknown key "request";)"},
      {"[[request]]\n", R"(line 1: unknown key "request";)"},
      {"[requests]\nno-cgroups = true\n", R"(line 2: unknown key "requests.no-cgroups";)"},
      {"[requests]\nuser = \"x\"\n", R"(line 2: unknown key "requests.user";)"},
      {"[driver-library]\nask = true\n[driver-library.helper]\npath = \"/x\"\n",
       R"(line 3: unknown key "driver-library.helper";)"},
      {"\nrequests.no.such = 1\n", R"(line 2: unknown key "requests.no";)"},
      {"driver-library = { asks = true }", R"(line 1: unknown key "driver-library.asks";)"},
      {"accept-volume-mounts = true", R"(line 1: unknown key "accept-volume-mounts";)"},
      {"\"\" = 1", R"(line 1: unknown key "";)"},
      {"\"a\\u001b[31m\\n\" = 1", R"(line 1: unknown key "a\x1b[31m\x0a";)"},
      {"\"gr\xc3\xbc\xc3\x9f\" = 1", R"(line 1: unknown key "gr\xc3\xbc\xc3\x9f";)"},
      {"swarm-resource = \"DOCKER_RESOURCE_GPU\"", R"(line 1: unknown key "swarm-resource";)"},
      {"[nvidia-container-cli]\nroot = \"/\"\n", R"(line 1: unknown key "nvidia-container-cli";)"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_kind(parse_config(row.text)), "bad-input") << row.text;
    EXPECT_THAT(error_of(parse_config(row.text)), StartsWith(row.expected)) << row.text;
  }
}

TEST(ParseConfig, DoesNotTakeAQuotedKeyWithDotsForAKeyOfATable) {
  // In TOML, "a.b" in quotes is one key of the top level: two spellings could contradict each
  // other.
  EXPECT_THAT(error_of(parse_config("\"requests.accept-volume-mounts\" = true\n")),
              StartsWith("line 1: unknown key \"requests.accept-volume-mounts\""));
}

TEST(ParseConfig, NamesUnknownCapabilitiesFeaturesAndOmissionsWithTheirLine) {
  struct {
    std::string_view text, expected;
  } const rows[] = {
      {"\nsupported-driver-capabilities = [\"compute\", \"cuda\"]\n",
       "line 2: unknown driver capability \"cuda\"; use all or some of compute, compat32, display, "
       "graphics, ngx, utility, video"},
      {"\n[requests]\nfeatures-when-unprivileged = [\"gds\", \"gpu\\ndirect\"]\n",
       "line 3: unknown feature \"gpu\\x0adirect\"; use some of gds, gdrcopy, imex, mofed, "
       "nvswitch"},
      {"leave-out = [\"sockets\"]\n",
       "line 1: unknown thing to leave out \"sockets\"; use some of device-nodes, fabricmanager, "
       "gsp-firmware, mps, persistenced"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_kind(parse_config(row.text)), "bad-input") << row.text;
    EXPECT_EQ(error_of(parse_config(row.text)), row.expected);
  }
  for (const std::string_view name : {"", "MPS", "mps ", "mps,persistenced"})
    EXPECT_EQ(error_kind(parse_config(concat("leave-out = [\"", name, "\"]"))), "bad-input")
        << name;
}

TEST(ParseConfig, NamesTheLineOfTheUnknownNameInAListOfSeveralLines) {
  EXPECT_THAT(error_of(parse_config("leave-out = [\n  \"mps\",\n  \"mpz\",\n]\n")),
              StartsWith("line 3: unknown thing to leave out \"mpz\""));
}

TEST(ParseConfig, NamesTheLineThatIsNotToml) {
  struct {
    std::string_view text;
    int line;
  } const rows[] = {
      {"no-cgroups", 1},
      {"no-cgroups = true\nno-cgroups\n", 2},
      {"\n\n= 1\n", 3},
      {"no-cgroups = yes\n", 1},
      {"no-cgroups = True\n", 1},
      {"no-cgroups = \n", 1},
      {"user = \"open\nno-cgroups = true\n", 1},
      {"# sound\n[requests\n", 2},
      {"[requests] accept-volume-mounts = true\n", 1},
      {"no-cgroups = true disable-require = true\n", 1},
      {"driver-root = /run/nvidia/driver\n", 1},
      {"driver-root = \"\\q\"\n", 1},
      {"no-cgroups: true\n", 1},
      {"{\"no-cgroups\": true}\n", 1},
      {"driver-library.deadline-ms = 99999999999999999999\n", 1},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_kind(parse_config(row.text)), "bad-input") << row.text;
    EXPECT_THAT(error_of(parse_config(row.text)),
                StartsWith(concat("line ", row.line, ": not TOML: ")))
        << row.text;
  }
}

TEST(ParseConfig, RefusesTableHeadersWithoutAName) {
  // Some versions of the parser rely on a name's first letter here, instead of looking for it.
  for (const std::string_view header : {"[]", "[ ]", "[[]]", "[[[requests]]]", "[=]", "[.requests]",
                                        "[requests.]", "[#]", "[", "[[", "[\n]", "[{}]", "[(]"}) {
    const auto parsed = parse_config(concat("\n", header, "\n"));
    EXPECT_EQ(error_kind(parsed), "bad-input") << header;
    EXPECT_THAT(error_of(parsed), HasSubstr(": not TOML: ")) << header;
  }
}

TEST(ParseConfig, RefusesWhatIsSetTwiceNamingTheSecondLine) {
  struct {
    std::string_view text;
    int line;
  } const rows[] = {
      {"no-cgroups = true\nno-cgroups = false\n", 2},
      {"no-cgroups = true\n\"no-cgroups\" = true\n", 2},
      {"[requests]\naccept-volume-mounts = true\naccept-volume-mounts = true\n", 3},
      {"[requests]\n[driver-library]\n[requests]\n", 3},
      {"requests = {}\n[requests]\n", 2},
      {"requests = {}\nrequests.accept-volume-mounts = true\n", 2},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(error_kind(parse_config(row.text)), "bad-input") << row.text;
    EXPECT_THAT(error_of(parse_config(row.text)),
                StartsWith(concat("line ", row.line, ": not TOML: ")))
        << row.text;
  }
}

TEST(ParseConfig, ShowsNothingOfAFileThatCouldChangeATerminal) {
  for (const std::string_view text :
       {"\"\\u001b[31m\\n\" = 1\n\"\\u001b[31m\\n\" = 2\n", "[\"a\\nb\"]\n[\"a\\nb\"]\n",
        "a\x1b = 1", "a = \x1b", "\x7f = 1", "a = \"\x01\"", "no-cgroups = t\x1b[31m",
        // U+009B: the same as ESC [ to some terminals.
        "no-cgroups = t\xc2\x9bK", "\"\\u009b31m\" = 1"}) {
    EXPECT_EQ(error_kind(parse_config(text)), "bad-input") << in_quotes(text);
    EXPECT_TRUE(is_printable(error_of(parse_config(text)))) << in_quotes(text);
  }
}

std::string repeated(std::string_view piece, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += piece;
  return out;
}

TEST(ParseConfig, RefusesHostileTexts) {
  constexpr std::size_t kMany = kMaxConfigFileBytes;
  struct {
    std::string_view name;
    std::string text;
  } const rows[] = {
      {"a mebibyte of brackets", repeated("[", kMany)},
      {"a mebibyte of lists in lists", "leave-out = " + repeated("[", kMany)},
      {"closed lists in lists",
       "leave-out = " + repeated("[", kMany / 2) + repeated("]", kMany / 2)},
      {"a mebibyte of tables in tables", "requests = " + repeated("{a=", kMany)},
      {"a mebibyte of one name", repeated("a", kMany)},
      {"an endless string", "user = \"" + repeated("a", kMany)},
      {"an endless list", "leave-out = [" + repeated("\"mps\",", kMany)},
      {"many unknown keys", repeated("[a]\n[b]\n", kMany)},
      {"NUL", std::string(1, '\0')},
      {"NUL in a key", std::string("no-cgroups\0 = true", 18)},
      {"NUL behind a value", std::string("no-cgroups = true\0", 18)},
      {"NUL in a comment", std::string("# \0\n", 4)},
      {"NUL in a string", std::string("driver-root = \"/\0\"", 18)},
      {"no UTF-8", "\xff"},
      {"no UTF-8 in a key", "\"\xff\" = 1"},
      {"no UTF-8 in a comment", "# \xff\n"},
      {"no UTF-8 in a string", "driver-root = \"/\xff\""},
      {"overlong UTF-8", "driver-root = \"\xc0\xaf\""},
      {"half of a surrogate pair", "driver-root = \"/\xed\xa0\x80\""},
      {"a cut off character", "driver-root = \"/\xe2\x82"},
      {"UTF-16", std::string("\xff\xfe#\0", 4)},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_config(row.text);
    EXPECT_EQ(error_kind(parsed), "bad-input") << row.name;
    EXPECT_TRUE(is_printable(error_of(parsed))) << row.name;
    EXPECT_LT(error_of(parsed).size(), 2000U) << row.name;
  }
}

TEST(ParseConfig, RefusesKeysOfManyParts) {
  for (const std::string& text : {repeated("a.", kMaxConfigFileBytes) + "a = 1",
                                  "[" + repeated("a.", kMaxConfigFileBytes) + "a]"})
    EXPECT_EQ(error_kind(parse_config(text)), "bad-input") << text.front();
}

TEST(ParseConfig, NeverCrashesOnATextThatIsCutOffOrSpoilt) {
  Config config;
  config.swarm_resources = {"A", "B"};
  config.questions.user = "\"\\\n";
  const std::string whole = write_config(config);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto parsed = parse_config(whole.substr(0, size));
    EXPECT_TRUE(parsed || is_printable(error_of(parsed))) << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char value : {'\0', '\n', '"', '[', '\x80', '\xff'}) {
      std::string spoilt = whole;
      spoilt[at] = value;
      const auto parsed = parse_config(spoilt);
      EXPECT_TRUE(parsed || is_printable(error_of(parsed))) << at;
    }
  }
}

TEST(SampleConfig, SaysWhatTheDefaultsAre) {
  EXPECT_EQ(value_of(parse_config(sample_file())), Config());
}

TEST(SampleConfig, HasEveryKeyWithItsDefaultAndNoOther) {
  EXPECT_THAT(settings_of(sample_file()), ElementsAreArray(settings_of(write_config(Config()))));
}

TEST(SampleConfig, NamesEveryFeatureAndEveryOmission) {
  const std::string text = sample_file();
  for (std::size_t i = 0; i < kCountOf<Feature>; ++i)
    EXPECT_THAT(text, HasSubstr(concat("#   \"", name_of(static_cast<Feature>(i)), "\" ")));
  for (std::size_t i = 0; i < kCountOf<Omission>; ++i)
    EXPECT_THAT(text, HasSubstr(concat("#   \"", name_of(static_cast<Omission>(i)), "\" ")));
}

TEST(WriteConfig, WritesEveryKey) {
  EXPECT_EQ(write_config(Config()),
            R"(driver-root = ""
device-root = ""
no-cgroups = false
disable-require = false
supported-driver-capabilities = ["compute", "compat32", "display", "graphics", "ngx", "utility", "video"]
cuda-compat = true
leave-out = ["mps"]

[requests]
accept-env-when-unprivileged = true
accept-volume-mounts = false
features-when-unprivileged = []
ignore-imex-channels = false
swarm-resources = []
annotation-prefixes = ["cdi.k8s.io/"]
accept-annotations = false

[runtime]
runtimes = ["runc", "crun"]
add-device-groups = true

[driver-library]
ask = true
deadline-ms = 5000
user = ""
)");
}

TEST(WriteConfig, GivesTheSameConfigurationWhenReadAgain) {
  void (*const changes[])(Config & config) = {
      [](Config&) {},
      [](Config& config) { config.driver_root = HostPath(); },
      [](Config& config) { config.driver_root = HostPath::literal("/run/nvidia/driver"); },
      [](Config& config) { config.device_root = HostPath::literal("/run/nvidia/driver"); },
      [](Config& config) { config.no_cgroups = true; },
      [](Config& config) { config.disable_require = true; },
      [](Config& config) { config.supported_capabilities = {}; },
      [](Config& config) {
        config.supported_capabilities = {Capability::kCompute, Capability::kVideo};
      },
      [](Config& config) { config.accept_env_when_unprivileged = false; },
      [](Config& config) { config.accept_volume_mounts = true; },
      [](Config& config) { config.features_when_unprivileged = {Feature::kMofed}; },
      [](Config& config) { config.features_when_unprivileged = FeatureSet::all(); },
      [](Config& config) {
        config.swarm_resources = {"DOCKER_RESOURCE_GPU", "B", "B"};
      },
      [](Config& config) { config.cuda_compat = false; },
      [](Config& config) {
        config.leave_out = {Omission::kDeviceNodes, Omission::kPersistenced};
      },
      [](Config& config) { config.leave_out = OmissionSet::all(); },
      [](Config& config) { config.annotation_prefixes = {}; },
      [](Config& config) { config.accept_annotations = true; },
      [](Config& config) {
        config.annotation_prefixes = {"a/", "b/"};
      },
      [](Config& config) { config.runtimes = {"/usr/bin/youki"}; },
      [](Config& config) { config.add_device_groups = false; },
      [](Config& config) { config.questions.allowed = false; },
      [](Config& config) { config.questions.deadline_ms = 100; },
      [](Config& config) { config.questions.deadline_ms = 8000; },
      [](Config& config) { config.questions.user = "65534:65534"; },
  };
  Config all;
  for (const auto change : changes) {
    Config config;
    change(config);
    change(all);
    EXPECT_EQ(value_of(parse_config(write_config(config))), config) << write_config(config);
  }
  EXPECT_EQ(value_of(parse_config(write_config(all))), all) << write_config(all);
}

TEST(WriteConfig, KeepsEveryString) {
  for (const std::string_view text : {"he said \"x\"",
                                      "'single'",
                                      "back\\slash\\",
                                      "\\u0041\\n",
                                      "\"\"\"",
                                      "'''",
                                      "\t",
                                      "\n",
                                      "\r\n",
                                      "\x01\x02\x1f\x7f",
                                      "\x1b[31m",
                                      "# no comment",
                                      "a = 1",
                                      "[table]",
                                      ",",
                                      " ",
                                      "$(id)",
                                      "gr\xc3\xb6\xc3\x9f",
                                      "\xe8\xa8\xad\xe5\xae\x9a",
                                      "\xf0\x9f\x8e\x89",
                                      "\xc2\x85\xe2\x80\xa8"}) {
    Config config;
    config.driver_root = HostPath::literal(concat("/", text));
    config.device_root = HostPath::literal(concat("/a/", text));
    config.swarm_resources = {std::string(text), "B", concat(text, text)};
    config.questions.user = text;
    EXPECT_EQ(value_of(parse_config(write_config(config))), config) << write_config(config);
  }
}

TEST(ParseConfig, RefusesAnEmptyNameInAList) {
  EXPECT_EQ(error_of(parse_config("requests.swarm-resources = [\"A\",\n  \"\"]")),
            "line 2: \"requests.swarm-resources\" must be a list of names, none of them empty");
}

TEST(WriteConfig, LeavesOutThePathOfTheHelper) {
  Config config;
  config.questions.helper = HostPath::literal("/usr/libexec/gpu-hook-nvml");
  EXPECT_EQ(write_config(config), write_config(Config()));
}

}  // namespace
}  // namespace gpuhook::formats
