// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>

#include "fake_host.h"
#include "gpuhook/gpuhook.h"
#include "support/results.h"

namespace gpuhook {
namespace {

using testing::TempTree;
using testing::value_of;

#if defined(__aarch64__)
const std::string kGlibcLoader = "/lib/ld-linux-aarch64.so.1";
const std::string kMuslLoader = "/lib/ld-musl-aarch64.so.1";
#else
const std::string kGlibcLoader = "/lib64/ld-linux-x86-64.so.2";
const std::string kMuslLoader = "/lib/ld-musl-x86_64.so.1";
#endif
const std::string kMultiarch = GPUHOOK_TEST_MULTIARCH;

Container container_of(const TempTree& tree) {
  return value_of(inspect(value_of(Target::of_directory(tree.root()))));
}

TEST(Inspect, TellsImagesApart) {
  struct {
    std::string_view name;
    std::function<void(const TempTree&)> build;
    Container expected;
  } const rows[] = {
      {"Debian, merged /usr",
       [](const TempTree& tree) {
         tree.write("/etc/debian_version", "12.5\n");
         tree.write(kMultiarch + "/loader", "");
         tree.link("/usr" + kGlibcLoader, kMultiarch + "/loader");
         tree.link("/lib64", "usr/lib64");
         tree.link("/lib", "usr/lib");
       },
       {LibraryConvention::kMultiarch, Compat32Convention::kMultiarch, Loader::kGlibc}},
      {"distroless: no debian_version",
       [](const TempTree& tree) {
         tree.directory(kMultiarch);
         tree.write(kGlibcLoader, "");
       },
       {LibraryConvention::kMultiarch, Compat32Convention::kMultiarch, Loader::kGlibc}},
      {"Debian without a single library",
       [](const TempTree& tree) { tree.write("/etc/debian_version", "12.5\n"); },
       {LibraryConvention::kMultiarch, Compat32Convention::kMultiarch, Loader::kNone}},
      {"Fedora",
       [](const TempTree& tree) {
         tree.write("/usr" + kGlibcLoader, "");
         tree.link("/lib64", "usr/lib64");
         tree.link("/lib", "usr/lib");
         tree.directory("/usr/lib");
       },
       {LibraryConvention::kLib64, Compat32Convention::kLib, Loader::kGlibc}},
      {"Arch: 32-bit libraries apart, lib64 is lib",
       [](const TempTree& tree) {
         tree.write("/usr/lib/loader", "");
         tree.link("/usr/lib64", "lib");
         tree.link("/lib64", "usr/lib");
         tree.link("/usr/lib/" + kGlibcLoader.substr(kGlibcLoader.rfind('/') + 1), "loader");
         tree.directory("/usr/lib32");
       },
       {LibraryConvention::kLib64, Compat32Convention::kLib32, Loader::kGlibc}},
      {"lib64 is lib, and nothing for 32 bits",
       [](const TempTree& tree) {
         tree.directory("/usr/lib");
         tree.link("/usr/lib64", "lib");
       },
       {LibraryConvention::kLib64, std::nullopt, Loader::kNone}},
      {"Alpine",
       [](const TempTree& tree) {
         tree.write("/etc/alpine-release", "3.20\n");
         tree.write(kMuslLoader, "");
       },
       {LibraryConvention::kLib64, std::nullopt, Loader::kMusl}},
      {"Alpine with gcompat",
       [](const TempTree& tree) {
         tree.write(kMuslLoader, "");
         tree.write(kGlibcLoader, "");
       },
       {LibraryConvention::kLib64, std::nullopt, Loader::kGlibc}},
      {"scratch",
       [](const TempTree& tree) { tree.write("/app", ""); },
       {LibraryConvention::kLib64, std::nullopt, Loader::kNone}},
  };
  for (const auto& row : rows) {
    const TempTree tree;
    row.build(tree);
    EXPECT_EQ(container_of(tree), row.expected) << row.name;
  }
}

TEST(Inspect, LooksBeneathTheImageWhateverItsLinksSay) {
  const TempTree tree;
  tree.link("/etc", "/proc/self/root/etc");
  tree.link("/lib64", "../../../../../../../../lib64");
  tree.link("/lib", "/../../../lib");
  EXPECT_EQ(container_of(tree),
            (Container{LibraryConvention::kLib64, std::nullopt, Loader::kNone}));
}

TEST(Inspect, TakesADanglingLoaderForNone) {
  const TempTree tree;
  tree.link(kGlibcLoader, "/nowhere");
  EXPECT_EQ(container_of(tree).loader, Loader::kNone);
}

TEST(Inspect, TakesALibraryDirectoryThatIsAFileForNone) {
  const TempTree tree;
  tree.write(kMultiarch, "");
  EXPECT_EQ(container_of(tree).libraries, LibraryConvention::kLib64);
}

TEST(NameOf, SpellsContainerFacts) {
  EXPECT_EQ(name_of(LibraryConvention::kMultiarch), "multiarch");
  EXPECT_EQ(name_of(LibraryConvention::kLib64), "lib64");
  EXPECT_EQ(name_of(Loader::kGlibc), "glibc");
  EXPECT_EQ(name_of(Loader::kMusl), "musl");
  EXPECT_EQ(name_of(Loader::kNone), "none");
}

TEST(PlacesIn, FollowLinksOfTheImageAndFoldSpellings) {
  const TempTree image;
  image.directory("/usr/lib/x86_64-linux-gnu");
  image.directory("/opt/libs");
  image.link("/lib", "usr/lib");
  image.link("/usr/lib64", "/opt/libs");
  const Target target = value_of(Target::of_directory(image.root()));
  ContainerSpec spec;
  for (const std::string_view destination : {"/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu",
                                             "/usr/lib/../lib64//", "/nowhere/x", "", "/../../opt"})
    spec.mounts.push_back({.destination = std::string(destination)});
  spec.mounts.push_back({.destination = std::string(5000, 'a')});
  InjectionPlan plan;
  plan.ops.push_back({AllowDevice{.number = {195, 0}}});
  plan.ops.push_back({BindFile{.source = HostPath::literal("/a"),
                               .target = ContainerPath::literal("/usr/lib64/libcuda.so.1")}});
  const PlacesInImage places = places_in(target, spec, plan);
  std::vector<std::string> mounts;
  for (const ContainerPath& place : places.mounts) mounts.push_back(place.text());
  EXPECT_EQ(mounts,
            (std::vector<std::string>{"/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
                                      "/opt/libs", "/nowhere/x", "/", "/opt", "/"}));
  EXPECT_EQ(places.targets,
            (std::vector<ContainerPath>{ContainerPath(),
                                        ContainerPath::literal("/opt/libs/libcuda.so.1")}));
}

}  // namespace
}  // namespace gpuhook
