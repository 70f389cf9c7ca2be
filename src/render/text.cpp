// SPDX-License-Identifier: Apache-2.0
// A plan for people.
#include "base/text.h"

#include "gpuhook/gpuhook.h"

namespace gpuhook {
namespace {

struct Describe {
  std::string operator()(const AllowDevice& op) const {
    return concat("allow     c ", op.number.major, ":", op.number.minor, " rw");
  }
  std::string operator()(const BindDevice& op) const {
    return concat("device    ", op.target.text());
  }
  std::string operator()(const BindFile& op) const {
    return concat("file      ", op.target.text(), " <- ", op.source.text());
  }
  std::string operator()(const BindSocket& op) const {
    return concat("socket    ", op.target.text());
  }
  std::string operator()(const BindDirectory& op) const {
    return concat("directory ", op.target.text(), " (", name_of(op.use), ")");
  }
  std::string operator()(const MakeLink& op) const {
    return concat("link      ", op.target.text(), " -> ", op.points_to);
  }
  std::string operator()(const MaskedTree& op) const {
    return concat("mask      ", op.target.text(), " (", op.files.size(), " files)");
  }
  std::string operator()(const UpdateLoaderCache& op) const {
    return concat("cache     ", op.target.text(), " (", op.entries.size(), " names)");
  }
};

std::string heading(const InjectionPlan& plan) {
  std::string gpus;
  for (const std::uint32_t index : plan.gpus) gpus += concat(gpus.empty() ? "" : ",", index);
  return concat("driver ", plan.driver.text(), " from ", plan.driver_root.text(),
                ", GPUs: ", gpus.empty() ? "none" : gpus, "\n");
}

}  // namespace

std::string plan_as_text(const InjectionPlan& plan, bool explain) {
  std::string out = heading(plan);
  for (const PlannedOp& op : plan.ops) {
    out += one_line(std::visit(Describe{}, op.op));
    if (explain)
      out += one_line(
          concat("   # ", op.necessity == Necessity::kOptional ? "optional: " : "", op.reason));
    out += '\n';
  }
  if (!explain) return out;
  for (const Note& note : plan.notes)
    out += one_line(concat("left out  ", note.what, "   # ", note.reason)) + '\n';
  return out;
}

}  // namespace gpuhook
