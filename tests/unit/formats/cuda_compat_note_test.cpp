// SPDX-License-Identifier: Apache-2.0
#include "formats/cuda_compat_note.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/text.h"
#include "fake_host_elf.h"
#include "support/results.h"

namespace gpuhook::formats {
namespace {

using ::testing::ElementsAre;
using testing::elf_note;
using testing::error_kind;
using testing::value_of;

constexpr std::string_view kOwner = "NVIDIA Corporation";

Result<std::vector<std::uint32_t>> majors_in(std::string_view note) {
  return parse_cuda_compat_note(std::as_bytes(std::span(note.data(), note.size())));
}

Result<std::vector<std::uint32_t>> majors_of(std::string_view description) {
  return majors_in(elf_note(kOwner, description));
}

template <class Number>
std::string with(std::string note, std::size_t at, Number value) {
  std::memcpy(note.data() + at, &value, sizeof value);
  return note;
}

// Positions in a note: the sizes of its two parts, the owner's name.
constexpr std::size_t kNameSize = 0;
constexpr std::size_t kDescriptionSize = 4;
constexpr std::size_t kType = 8;
constexpr std::size_t kName = 12;

const std::string kSound = elf_note(kOwner, R"({"Driver": [535, 550]})");

TEST(ParseCudaCompatNote, GivesTheMajorVersionsItNames) {
  struct {
    std::string_view description;
    std::vector<std::uint32_t> expected;
  } const rows[] = {
      {R"({"Format": 1, "CUDA Version": "12.8", "Driver": [535, 550, 570], "Device": [8, 9]})",
       {535, 550, 570}},
      // Of the libcuda in cuda-compat-13-0.
      {R"({"format":1,"CUDA version":"13.0","driver":[535,550,565,570,575,580],"device":[1,2,7,8]})",
       {535, 550, 565, 570, 575, 580}},
      {R"({"Driver": ["535", "550"]})", {535, 550}},
      {R"({"Driver": [535, "550", 565]})", {535, 550, 565}},
      {R"({"Driver": [550, 535, 550]})", {550, 535, 550}},
      {R"({"Driver": []})", {}},
      {R"({"Driver": [0, 4294967295, "4294967295"]})", {0, 4294967295, 4294967295}},
      {R"({"Driver":[535],"Driver Version":"1","x":{"y":[null,1.5,true]}})", {535}},
      {"\n\t{ \"Driver\" : [ 535 ] }\n", {535}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(value_of(majors_of(row.description)), row.expected) << row.description;
}

TEST(ParseCudaCompatNote, ReadsDescriptionsOfEveryPadding) {
  for (const std::size_t spaces : {0U, 1U, 2U, 3U, 4U, 5U}) {
    const std::string description = R"({"Driver": [535]})" + std::string(spaces, ' ');
    EXPECT_THAT(value_of(majors_of(description)), ElementsAre(535)) << spaces;
  }
}

TEST(ParseCudaCompatNote, ReadsADescriptionThatCountsItsFinalNul) {
  for (const std::size_t zeros : {1U, 2U, 3U, 4U, 100U}) {
    const std::string description = R"({"Driver": [535]})" + std::string(zeros, '\0');
    EXPECT_THAT(value_of(majors_of(description)), ElementsAre(535)) << zeros;
  }
}

TEST(ParseCudaCompatNote, NeedsNoPaddingBehindTheDescription) {
  const std::string description = R"({"Driver":[535]}  )";
  const std::string padded = elf_note(kOwner, description);
  ASSERT_EQ(padded.size(), 12 + 20 + description.size() + 2);
  EXPECT_THAT(value_of(majors_in(padded.substr(0, padded.size() - 2))), ElementsAre(535));
}

TEST(ParseCudaCompatNote, ReadsTheFirstNoteOfSeveral) {
  EXPECT_THAT(value_of(majors_in(kSound + elf_note(kOwner, R"({"Driver": [1]})"))),
              ElementsAre(535, 550));
}

TEST(ParseCudaCompatNote, TakesAnyType) {
  for (const std::uint32_t type : {0U, 2U, UINT32_MAX})
    EXPECT_THAT(value_of(majors_in(with(kSound, kType, type))), ElementsAre(535, 550)) << type;
}

TEST(ParseCudaCompatNote, RefusesForeignOwners) {
  for (const std::string_view owner :
       {"", "GNU", "NVIDIA", "NVIDIA Corp", "NVIDIA Corporatioo", "nvidia corporation",
        "NVIDIA Corporation ", "NVIDIA Corporation, Inc.", " NVIDIA Corporation"}) {
    EXPECT_EQ(error_kind(majors_in(elf_note(owner, R"({"Driver": [535]})"))), "bad-input") << owner;
  }
}

TEST(ParseCudaCompatNote, RefusesAnOwnerWithoutItsEnd) {
  EXPECT_EQ(error_kind(majors_in(with(kSound, kName + kOwner.size(), 'X'))), "bad-input");
  EXPECT_EQ(error_kind(majors_in(with(kSound, kNameSize, std::uint32_t{18}))), "bad-input");
}

TEST(ParseCudaCompatNote, RefusesSizesThatTheNoteDoesNotHave) {
  const auto size = static_cast<std::uint32_t>(kSound.size());
  for (const std::uint32_t value : {0U, 1U, 18U, 23U, size, size + 1, 0x7fffffffU, 0x80000000U,
                                    0xfffffffcU, 0xfffffffdU, UINT32_MAX}) {
    EXPECT_EQ(error_kind(majors_in(with(kSound, kNameSize, value))), "bad-input") << value;
  }
  for (const std::uint32_t value : {0U, 1U, 21U, size - 31, size, 0x7fffffffU, 0x80000000U,
                                    0xffffffe0U, 0xfffffffcU, UINT32_MAX}) {
    EXPECT_EQ(error_kind(majors_in(with(kSound, kDescriptionSize, value))), "bad-input") << value;
  }
}

TEST(ParseCudaCompatNote, RefusesADescriptionThatIsNotOneJsonObject) {
  for (const std::string_view description : {"",
                                             " ",
                                             "535",
                                             "null",
                                             "\"Driver\"",
                                             "[]",
                                             "[535]",
                                             R"([{"Driver": [535]}])",
                                             "{",
                                             R"({"Driver": [535])",
                                             R"({"Driver": [535]}})",
                                             R"({"Driver": [535]} {})",
                                             R"({'Driver': [535]})",
                                             R"({"Driver": [535],})",
                                             R"({"Driver": [535,]})",
                                             R"({"Driver": [0x217]})",
                                             R"({"Driver": [535]} // comment)",
                                             "{\"x\": \"\xff\", \"Driver\": [535]}",
                                             "\xef\xbb\xbf{\"Driver\": [535]}",
                                             "Driver: [535]"}) {
    EXPECT_EQ(error_kind(majors_of(description)), "bad-input") << in_quotes(description);
  }
}

TEST(ParseCudaCompatNote, RefusesADescriptionWithoutAListOfDrivers) {
  for (const std::string_view description :
       {"{}", R"({"Format": 1})", R"({"DRIVER": [535]})", R"({"Drivers": [535]})",
        R"({"Driver": null})", R"({"Driver": 535})", R"({"Driver": "535"})", R"({"Driver": {}})",
        R"({"Driver": true})", R"({"x": {"Driver": [535]}})"}) {
    EXPECT_EQ(error_kind(majors_of(description)), "bad-input") << description;
  }
}

TEST(ParseCudaCompatNote, RefusesTwoListsOfDrivers) {
  for (const std::string_view description :
       {R"({"Driver": [535], "Driver": [550]})", R"({"Driver": [535], "driver": [550]})"})
    EXPECT_EQ(error_kind(majors_of(description)), "bad-input") << description;
}

TEST(ParseCudaCompatNote, RefusesDriversThatAreNoMajorVersions) {
  for (const std::string_view entry : {"null",
                                       "true",
                                       "535.0",
                                       "535.5",
                                       "5e2",
                                       "-1",
                                       "-0",
                                       "4294967296",
                                       "18446744073709551616",
                                       "\"\"",
                                       "\"x\"",
                                       "\"535 \"",
                                       "\" 535\"",
                                       "\"+535\"",
                                       "\"-1\"",
                                       "\"535.5\"",
                                       "\"0x217\"",
                                       "\"4294967296\"",
                                       "[]",
                                       "[535]",
                                       "{}",
                                       R"("535\u0000")",
                                       "\"\xd9\xa3\""}) {
    EXPECT_EQ(error_kind(majors_of(concat(R"({"Driver": [535, )", entry, "]}"))), "bad-input")
        << entry;
  }
}

std::string list_of(std::size_t count) {
  std::string text = R"({"Driver": [1)";
  for (std::size_t i = 1; i < count; ++i) text += ",1";
  return text + "]}";
}

TEST(ParseCudaCompatNote, RefusesMoreDriversThanThereHaveEverBeen) {
  EXPECT_EQ(value_of(majors_of(list_of(32))).size(), 32U);
  for (const std::size_t count : {1000U, 10000U, 1000000U})
    EXPECT_EQ(error_kind(majors_of(list_of(count))), "bad-input") << count;
}

TEST(ParseCudaCompatNote, RefusesDescriptionsThatCostTooMuch) {
  const std::size_t many = 1000000;
  EXPECT_EQ(error_kind(majors_of(R"({"Driver": [535], "x": )" + std::string(many, '['))),
            "bad-input");
  EXPECT_EQ(error_kind(majors_of(R"({"Driver": [535], "x": ")" + std::string(many, 'x') + "\"}")),
            "bad-input");
  EXPECT_EQ(error_kind(majors_of(R"({"Driver": [535], "x": )" + std::string(1000, '[') +
                                 std::string(1000, ']') + "}")),
            "bad-input");
}

TEST(ParseCudaCompatNote, IsRefusedWhenCutOffAnywhere) {
  // The last two bytes are padding.
  ASSERT_EQ(kSound.size(), 12U + 20U + 24U);
  for (std::size_t size = 0; size < kSound.size() - 2; ++size)
    ASSERT_EQ(error_kind(majors_in(kSound.substr(0, size))), "bad-input") << size;
}

TEST(ParseCudaCompatNote, NeverCrashesWhenAnyByteIsSpoilt) {
  for (std::size_t at = 0; at < kSound.size(); ++at) {
    for (const char value : {'\x00', '\x01', '"', '[', '\x7f', '\x80', '\xff'}) {
      const auto majors = majors_in(with(kSound, at, value));
      if (!majors) {
        EXPECT_EQ(error_kind(majors), "bad-input") << at;
      }
    }
  }
}

}  // namespace
}  // namespace gpuhook::formats
