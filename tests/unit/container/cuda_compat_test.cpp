// SPDX-License-Identifier: Apache-2.0
#include "container/cuda_compat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <stdexcept>

#include "base/text.h"
#include "fake_host.h"
#include "formats/cuda_compat_note.h"
#include "support/results.h"

namespace gpuhook::container {
namespace {

using testing::bytes_of;
using ::testing::ElementsAre;
using testing::elf_note;
using testing::ElfImage;
using ::testing::IsEmpty;
using testing::TempTree;
using testing::value_of;
using testing::with_sections;

const std::string kCompat = "/image/usr/local/cuda/compat/";
const std::string kLibcuda = kCompat + "libcuda.so.570.86.15";

// The image is a directory in the tree, so that there is something outside of it.
std::optional<CudaCompat> found_in(const TempTree& tree) {
  tree.directory("/image");
  return find_cuda_compat(
      value_of(sys::RootedDir::open(HostPath::literal(tree.host_path("/image")))));
}

// A libcuda with the given description in its note.
std::string library_with_note(std::string_view description) {
  return with_sections(bytes_of(ElfImage{.soname = "libcuda.so.1"}),
                       {{.name = std::string(formats::kCudaCompatSection),
                         .content = elf_note("NVIDIA Corporation", description)}});
}

std::string library_without_note() { return bytes_of(ElfImage{.soname = "libcuda.so.1"}); }

TEST(FindCudaCompat, FindsNothingInImagesWithoutALibcuda) {
  struct {
    std::string_view name;
    std::function<void(const TempTree&)> build;
  } const rows[] = {
      {"empty image", [](const TempTree&) {}},
      {"no compat directory",
       [](const TempTree& tree) { tree.directory("/image/usr/local/cuda"); }},
      {"empty directory", [](const TempTree& tree) { tree.directory(kCompat); }},
      {"a file", [](const TempTree& tree) { tree.write("/image/usr/local/cuda/compat", ""); }},
      {"other libraries",
       [](const TempTree& tree) { tree.write(kCompat + "libnvidia-nvvm.so.570.86.15", ""); }},
      {"a name without a version",
       [](const TempTree& tree) { tree.write(kCompat + "libcuda.so", ""); }},
      {"a SONAME only", [](const TempTree& tree) { tree.write(kCompat + "libcuda.so.1", ""); }},
      {"one number", [](const TempTree& tree) { tree.write(kCompat + "libcuda.so.570", ""); }},
      {"five numbers",
       [](const TempTree& tree) { tree.write(kCompat + "libcuda.so.570.86.15.1.2", ""); }},
      {"a number of ten digits",
       [](const TempTree& tree) { tree.write(kCompat + "libcuda.so.1234567890.1", ""); }},
      {"dangling link",
       [](const TempTree& tree) { tree.link(kCompat + "libcuda.so.1", "libcuda.so.570.86.15"); }},
      {"a directory below",
       [](const TempTree& tree) { tree.write(kCompat + "lib/libcuda.so.570.86.15", ""); }},
      {"another CUDA directory",
       [](const TempTree& tree) {
         tree.write("/image/usr/local/cuda-12.8/compat/libcuda.so.570.86.15", "");
       }},
  };
  for (const auto& row : rows) {
    const TempTree tree;
    row.build(tree);
    EXPECT_EQ(found_in(tree), std::nullopt) << row.name;
  }
}

TEST(FindCudaCompat, FindsWhatAPackageInstalls) {
  const TempTree tree;
  tree.write(kLibcuda,
             library_with_note(R"({"Format": 1, "CUDA Version": "12.8", "Driver": [535]})"));
  tree.link(kCompat + "libcuda.so.1", "libcuda.so.570.86.15");
  tree.link(kCompat + "libcuda.so", "libcuda.so.1");
  tree.write(kCompat + "libcudadebugger.so.570.86.15", "");
  tree.link(kCompat + "libcudadebugger.so.1", "libcudadebugger.so.570.86.15");
  tree.write(kCompat + "libnvidia-nvvm.so.570.86.15", "");
  tree.link(kCompat + "libnvidia-nvvm.so.4", "libnvidia-nvvm.so.570.86.15");
  tree.link(kCompat + "libnvidia-nvvm.so", "libnvidia-nvvm.so.4");
  tree.write(kCompat + "libnvidia-ptxjitcompiler.so.570.86.15", "");
  tree.link(kCompat + "libnvidia-ptxjitcompiler.so.1", "libnvidia-ptxjitcompiler.so.570.86.15");
  EXPECT_EQ(found_in(tree),
            (CudaCompat{
                .version = value_of(DriverVersion::parse("570.86.15")),
                .names = {"libcuda.so", "libcuda.so.1", "libcuda.so.570.86.15",
                          "libcudadebugger.so.1", "libcudadebugger.so.570.86.15",
                          "libnvidia-nvvm.so", "libnvidia-nvvm.so.4", "libnvidia-nvvm.so.570.86.15",
                          "libnvidia-ptxjitcompiler.so.1", "libnvidia-ptxjitcompiler.so.570.86.15"},
                .driver_majors = {535}}));
}

TEST(FindCudaCompat, KnowsEveryLibraryOfThePackages) {
  for (const std::string_view stem :
       {"libcudadebugger", "libnvidia-ptxjitcompiler", "libnvidia-nvvm", "libnvidia-nvvm70",
        "libnvidia-gpucomp", "libnvidia-pkcs11", "libnvidia-pkcs11-openssl3",
        "libnvidia-tileiras"}) {
    const TempTree tree;
    tree.write(kLibcuda, "");
    tree.write(concat(kCompat, stem, ".so.570.86.15"), "");
    EXPECT_THAT(found_in(tree).value().names,
                ElementsAre("libcuda.so.570.86.15", concat(stem, ".so.570.86.15")));
  }
}

TEST(FindCudaCompat, FindsNothingWhereTwoLibcudasAre) {
  const TempTree tree;
  tree.write(kLibcuda, library_without_note());
  tree.write(kCompat + "libcuda.so.565.57.01", library_without_note());
  EXPECT_EQ(found_in(tree), std::nullopt);
}

TEST(FindCudaCompat, TakesALinkWithAVersionForNoSecondLibcuda) {
  const TempTree tree;
  tree.write(kLibcuda, library_without_note());
  tree.link(kCompat + "libcuda.so.570.86", "libcuda.so.570.86.15");
  ASSERT_TRUE(found_in(tree));
  EXPECT_EQ(found_in(tree)->version.text(), "570.86.15");
}

// The names found beside a sound libcuda when `build` has added to the directory.
std::vector<std::string> names_with(const std::function<void(const TempTree&)>& build) {
  const TempTree tree;
  tree.write(kLibcuda, library_without_note());
  build(tree);
  const auto found = found_in(tree);
  return found ? found->names : std::vector<std::string>{"nothing found"};
}

TEST(FindCudaCompat, IgnoresOtherNames) {
  for (const std::string_view name : {"README",
                                      "libcuda.a",
                                      "libcuda",
                                      "libcuda.so1",
                                      "libcuda.so-1",
                                      "libcuda.so.x",
                                      "libcuda.so.1a",
                                      "libcuda.so.1~",
                                      "libcuda.so.1 ",
                                      "libcuda.so.1\n",
                                      "libcuda.so.1\x1b[31m",
                                      "libcuda.so.560.35.03.bak",
                                      "libcuda.so.0x1",
                                      "libcuda.so.-1",
                                      "xlibcuda.so.1",
                                      ".libcuda.so.1",
                                      "LIBCUDA.so.1",
                                      "libcuda.SO.1",
                                      "libcudart.so.12",
                                      "libcuda-1.so",
                                      "libcuda.so.1.so",
                                      "libc.so.6",
                                      "ld-linux-x86-64.so.2",
                                      "libcublas.so.12",
                                      "libnvidia-ml.so.1",
                                      "libnvidia-nvvm71.so.1",
                                      "libnvidia-.so.1",
                                      ".so.1",
                                      ".so"}) {
    EXPECT_THAT(
        names_with([&](const TempTree& tree) { tree.write(kCompat + std::string(name), ""); }),
        ElementsAre("libcuda.so.570.86.15"))
        << in_quotes(name);
  }
}

TEST(FindCudaCompat, IgnoresVersionsThatAreNoNumbersJoinedByDots) {
  for (const std::string_view name :
       {"libcuda.so.", "libcuda.so..", "libcuda.so..1", "libcuda.so.1.", "libcuda.so.1..2"}) {
    EXPECT_THAT(
        names_with([&](const TempTree& tree) { tree.write(kCompat + std::string(name), ""); }),
        ElementsAre("libcuda.so.570.86.15"))
        << name;
  }
}

TEST(FindCudaCompat, IgnoresNamesThatNoLoaderAsksFor) {
  EXPECT_THAT(names_with([](const TempTree& tree) {
                tree.write(concat(kCompat, "libcuda.so.", std::string(200, '1')), "");
              }),
              ElementsAre("libcuda.so.570.86.15"));
}

TEST(FindCudaCompat, TakesFilesAndLinksOnly) {
  EXPECT_THAT(names_with([](const TempTree& tree) { tree.fifo(kCompat + "libcuda.so.1"); }),
              ElementsAre("libcuda.so.570.86.15"));
  EXPECT_THAT(names_with([](const TempTree& tree) { tree.directory(kCompat + "libcuda.so.1"); }),
              ElementsAre("libcuda.so.570.86.15"));
  EXPECT_THAT(names_with([](const TempTree& tree) { tree.socket(kCompat + "libcuda.so.1"); }),
              ElementsAre("libcuda.so.570.86.15"));
}

TEST(FindCudaCompat, WaitsForNoFifoAndTakesItForNoLibrary) {
  const TempTree tree;
  tree.fifo(kLibcuda);
  EXPECT_EQ(found_in(tree), std::nullopt);
}

TEST(FindCudaCompat, TakesADirectoryForNoLibrary) {
  const TempTree tree;
  tree.directory(kLibcuda);
  EXPECT_EQ(found_in(tree), std::nullopt);
}

TEST(FindCudaCompat, FollowsLinksInThePath) {
  struct {
    std::string_view name;
    std::function<void(const TempTree&)> build;
  } const rows[] = {
      {"relative",
       [](const TempTree& tree) {
         tree.write("/image/usr/local/cuda-12.8/compat/libcuda.so.570.86.15", "");
         tree.link("/image/usr/local/cuda", "cuda-12.8");
       }},
      {"absolute, by alternatives",
       [](const TempTree& tree) {
         tree.write("/image/usr/local/cuda-12.8/compat/libcuda.so.570.86.15", "");
         tree.link("/image/usr/local/cuda", "/etc/alternatives/cuda");
         tree.link("/image/etc/alternatives/cuda", "/usr/local/cuda-12.8");
       }},
      {"the directory itself",
       [](const TempTree& tree) {
         tree.write("/image/usr/lib/compat/libcuda.so.570.86.15", "");
         tree.link("/image/usr/local/cuda/compat", "../../lib/compat");
       }},
      {"above the root, which is the root",
       [](const TempTree& tree) {
         tree.write("/image/opt/cuda/compat/libcuda.so.570.86.15", "");
         tree.link("/image/usr/local/cuda", "../../../../../../opt/cuda");
       }},
  };
  for (const auto& row : rows) {
    const TempTree tree;
    row.build(tree);
    const auto found = found_in(tree);
    ASSERT_TRUE(found) << row.name;
    EXPECT_EQ(found->version.text(), "570.86.15") << row.name;
  }
}

TEST(FindCudaCompat, NeverLooksOutsideOfTheImage) {
  const TempTree tree;
  tree.write("/outside/compat/libcuda.so.570.86.15", library_without_note());
  for (const std::string& text :
       {std::string("../../../outside"), std::string("../../../../../../outside"),
        tree.host_path("/outside"), concat("/proc/self/root", tree.host_path("/outside"))}) {
    std::filesystem::remove(tree.host_path("/image/usr/local/cuda"));
    tree.link("/image/usr/local/cuda", text);
    EXPECT_EQ(found_in(tree), std::nullopt) << text;
  }
}

TEST(FindCudaCompat, EndsAtALinkLoop) {
  const TempTree tree;
  tree.link("/image/usr/local/cuda", "cuda");
  EXPECT_EQ(found_in(tree), std::nullopt);
}

// The majors of an image whose libcuda has this content.
std::vector<std::uint32_t> majors_of(std::string_view libcuda) {
  const TempTree tree;
  tree.write(kLibcuda, libcuda);
  const auto found = found_in(tree);
  if (!found) throw std::runtime_error("nothing found");
  return found->driver_majors;
}

TEST(FindCudaCompat, ReadsTheNoteOfLibcuda) {
  EXPECT_THAT(majors_of(library_with_note(R"({"Driver": [535, 550]})")), ElementsAre(535, 550));
  EXPECT_THAT(majors_of(library_with_note(R"({"Driver": ["535", "550"]})")), ElementsAre(535, 550));
}

TEST(FindCudaCompat, KeepsALibraryWithoutANoteThatCanBeRead) {
  const std::string sound = library_with_note(R"({"Driver": [535]})");
  struct {
    std::string_view name;
    std::string libcuda;
  } const rows[] = {
      {"no sections", library_without_note()},
      {"no note", with_sections(library_without_note(), {{.name = ".data", .content = "x"}})},
      {"foreign note", with_sections(library_without_note(),
                                     {{.name = std::string(formats::kCudaCompatSection),
                                       .content = elf_note("GNU", R"({"Driver": [535]})")}})},
      {"empty note",
       with_sections(library_without_note(),
                     {{.name = std::string(formats::kCudaCompatSection), .content = ""}})},
      {"description that is no JSON", library_with_note("Driver: 535")},
      {"description without drivers", library_with_note("{}")},
      {"description of a mebibyte",
       library_with_note(R"({"Driver": [535], "x": ")" + std::string(1U << 20U, 'x') + "\"}")},
      {"32 bits", bytes_of(ElfImage{.is_64_bit = false, .machine = 3})},
      {"cut off", sound.substr(0, sound.size() - 1)},
      {"empty file", ""},
      {"script", "#!/bin/sh\n"},
      {"note as text", std::string(formats::kCudaCompatSection)},
  };
  for (const auto& row : rows) EXPECT_THAT(majors_of(row.libcuda), IsEmpty()) << row.name;
}

TEST(FindCudaCompat, ReadsNoNoteOfAnotherLibrary) {
  const TempTree tree;
  tree.write(kLibcuda, library_without_note());
  tree.write(kCompat + "libcudadebugger.so.570.86.15", library_with_note(R"({"Driver": [535]})"));
  ASSERT_TRUE(found_in(tree));
  EXPECT_THAT(found_in(tree)->driver_majors, IsEmpty());
}

TEST(FindCudaCompat, FindsNothingInADirectoryOfAThousandFiles) {
  const TempTree tree;
  tree.write(kLibcuda, library_without_note());
  for (int i = 0; i < 1000; ++i) tree.write(concat(kCompat, "file", i), "");
  EXPECT_EQ(found_in(tree), std::nullopt);
}

}  // namespace
}  // namespace gpuhook::container
