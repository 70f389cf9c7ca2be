// SPDX-License-Identifier: Apache-2.0
// What a plan says is what each specification made from it says: no sink loses an op.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "gpuhook/cdi_plan.h"
#include "gpuhook/spec.h"
#include "support/printers.h"
#include "support/results.h"
#include "support/sample.h"

namespace gpuhook {
namespace {

using nlohmann::json;
using ::testing::Contains;
using testing::sample_inventory;
using testing::value_of;

const CompletionHook kHook{.program = HostPath::literal("/usr/bin/gpu-hook"),
                           .arguments = {"gpu-hook", "createRuntime"}};
constexpr std::string_view kConfig = R"({"process":{},"root":{"path":"r"}})";

// "SOURCE on TARGET" of each mount, "TARGET" of each device.
struct Contents {
  std::set<std::string> mounts;
  std::set<std::string> devices;
  bool operator==(const Contents&) const = default;
};

void PrintTo(const Contents& contents, std::ostream* out) {
  for (const std::string& mount : contents.mounts) *out << mount << "\n";
  for (const std::string& device : contents.devices) *out << device << "\n";
}

// Roots as in the inventory below.
struct Collect {
  Contents& contents;
  void operator()(const AllowDevice& /*op*/) {}
  void operator()(const BindDevice& op) { contents.devices.insert(op.target.text()); }
  void operator()(const BindFile& op) { add("/drv", op); }
  void operator()(const BindSocket& op) { add("/drv", op); }
  void operator()(const BindDirectory& op) { add("/devs", op); }
  void operator()(const MaskedTree& /*op*/) {}
  void operator()(const MakeLink& /*op*/) {}
  void operator()(const UpdateLoaderCache& /*op*/) {}
  template <class Bind>
  void add(std::string_view root, const Bind& op) {
    contents.mounts.insert(concat(root, op.source.text(), " on ", op.target.text()));
  }
};

Contents contents_of(const InjectionPlan& plan) {
  Contents contents;
  for (const PlannedOp& planned : plan.ops) std::visit(Collect{contents}, planned.op);
  return contents;
}

Contents contents_of_config(const std::string& text) {
  const json config = json::parse(text);
  Contents contents;
  for (const json& mount : config["mounts"]) {
    contents.mounts.insert(concat(mount["source"].get<std::string>(), " on ",
                                  mount["destination"].get<std::string>()));
  }
  for (const json& device : config["linux"].value("devices", json::array()))
    contents.devices.insert(device["path"].get<std::string>());
  return contents;
}

void add_edits(const json& edits, Contents& contents) {
  for (const json& mount : edits.value("mounts", json::array())) {
    contents.mounts.insert(concat(mount["hostPath"].get<std::string>(), " on ",
                                  mount["containerPath"].get<std::string>()));
  }
  for (const json& device : edits.value("deviceNodes", json::array()))
    contents.devices.insert(device["path"].get<std::string>());
}

// What a container has that gets one device of a CDI document.
Contents contents_of_device(const json& document, const std::string& name) {
  Contents contents;
  add_edits(document["containerEdits"], contents);
  for (const json& device : document["devices"]) {
    if (device["name"] == name) add_edits(device["containerEdits"], contents);
  }
  return contents;
}

// A host with something for every op, in roots of its own.
Inventory full_inventory() {
  Inventory host = sample_inventory();
  host.driver_root = HostPath::literal("/drv");
  host.device_root = HostPath::literal("/devs");
  host.mps_directory = HostPath::literal("/tmp/nvidia-mps");
  host.gpus[0].drm = {{.node = {.path = HostPath::literal("/dev/dri/renderD128"),
                                .number = {226, 128},
                                .access = {.mode = 0660, .gid = 44}},
                       .role = "render"}};
  host.feature_nodes = {
      {.feature = Feature::kGds,
       .node = {.path = HostPath::literal("/dev/nvidia-fs0"), .number = {234, 0}}}};
  host.feature_files = {
      {.feature = Feature::kGds, .path = HostPath::literal("/etc/cufile.json")},
      {.feature = Feature::kGds, .path = HostPath::literal("/run/udev"), .directory = true}};
  return host;
}

Request full_request() {
  return {.devices = {},
          .capabilities = CapabilitySet::all(),
          .everything = true,
          .features = {Feature::kGds}};
}

const Container kDebian{.libraries = LibraryConvention::kMultiarch};
const Config kEverything{.leave_out = {}};

CdiPlans full_plans() {
  return value_of(
      plan_cdi_devices(full_request(), full_inventory(), kDebian, kEverything, CdiNaming::kIndex));
}

TEST(Sinks, SampleHasEveryKindOfOpThatASpecificationCanExpress) {
  const CdiPlans plans = full_plans();
  std::set<std::string_view> kinds;
  for (const PlannedOp& planned : plans.devices.back().plan.ops) kinds.insert(kind_of(planned.op));
  for (const std::string_view kind :
       {"allow-device", "bind-device", "bind-file", "bind-socket", "bind-directory"})
    EXPECT_THAT(kinds, Contains(kind));
}

TEST(Sinks, OciSpecificationHasWhatThePlanHas) {
  const ContainerSpec spec = value_of(parse_container_spec(kConfig));
  for (const NamedPlan& device : full_plans().devices) {
    const EditedSpec edited =
        value_of(edit_oci_spec(kConfig, spec, {.plan = device.plan, .hook = kHook}));
    EXPECT_EQ(contents_of_config(edited.config_json), contents_of(device.plan)) << device.name;
  }
}

TEST(Sinks, OciSpecificationHasARuleForWhatThePlanAllows) {
  const ContainerSpec spec = value_of(parse_container_spec(kConfig));
  for (const NamedPlan& device : full_plans().devices) {
    const json config = json::parse(
        value_of(edit_oci_spec(kConfig, spec, {.plan = device.plan, .hook = kHook})).config_json);
    std::set<DeviceNumber> allowed;
    for (const json& rule : config["linux"]["resources"]["devices"])
      allowed.insert({.major = rule["major"], .minor = rule["minor"]});
    std::set<DeviceNumber> expected;
    for (const PlannedOp& planned : device.plan.ops) {
      if (const auto* const rule = std::get_if<AllowDevice>(&planned.op))
        expected.insert(rule->number);
    }
    EXPECT_EQ(allowed, expected) << device.name;
  }
}

TEST(Sinks, OciSpecificationOfAUserNamespaceBindsTheNodesInstead) {
  const ContainerSpec spec = value_of(parse_container_spec(kConfig));
  for (const NamedPlan& device : full_plans().devices) {
    const EditedSpec edited = value_of(edit_oci_spec(
        kConfig, spec, {.plan = device.plan, .hook = kHook, .in_user_namespace = true}));
    Contents expected = contents_of(device.plan);
    for (const std::string& target : std::exchange(expected.devices, {}))
      expected.mounts.insert(concat("/devs", target, " on ", target));
    EXPECT_EQ(contents_of_config(edited.config_json), expected) << device.name;
  }
}

TEST(Sinks, CdiSpecificationHasWhatThePlanHas) {
  const CdiPlans plans = full_plans();
  const json document = json::parse(cdi_spec_as_text(cdi_spec_of(plans, kHook), CdiFormat::kJson));
  ASSERT_EQ(plans.devices.size(), 5U);
  for (const NamedPlan& device : plans.devices) {
    EXPECT_EQ(contents_of_device(document, device.name), contents_of(device.plan)) << device.name;
  }
  EXPECT_EQ(contents_of_device(document, "no device"), contents_of(plans.common));
}

// The rules of a CDI container are those of its nodes.
TEST(Sinks, CdiSpecificationHasANodeForWhatThePlanAllows) {
  for (const NamedPlan& device : full_plans().devices) {
    std::set<DeviceNumber> allowed;
    std::set<DeviceNumber> bound;
    for (const PlannedOp& planned : device.plan.ops) {
      if (const auto* const rule = std::get_if<AllowDevice>(&planned.op))
        allowed.insert(rule->number);
      if (const auto* const node = std::get_if<BindDevice>(&planned.op)) bound.insert(node->number);
    }
    EXPECT_EQ(bound, allowed) << device.name;
  }
}

}  // namespace
}  // namespace gpuhook
