// SPDX-License-Identifier: Apache-2.0
#include "formats/json_builder.h"

#include "base/text.h"

namespace gpuhook::formats {

using nlohmann::json;

bool JsonBuilder::put(json scalar) {
  if (!count()) return false;
  (void)place(std::move(scalar));  // a scalar is never a parent
  return true;
}

bool JsonBuilder::key(std::string name) {
  if (open_.back()->contains(name))
    return stop(concat("key ", in_quotes(name), " appears twice in one object"));
  key_ = std::move(name);
  return true;
}

// Parents are held by address: an array may grow only after its open child was closed, so no
// address moves while held.
bool JsonBuilder::open(json container) {
  if (!count()) return false;
  if (open_.size() == limits_.depth) return stop(concat("nested deeper than ", limits_.depth));
  open_.push_back(place(std::move(container)));
  return true;
}

bool JsonBuilder::close() {
  open_.pop_back();
  return true;
}

bool JsonBuilder::stop(std::string why) {
  problem = std::move(why);
  return false;
}

bool JsonBuilder::count() {
  if (++values_ > limits_.values) return stop(concat("more than ", limits_.values, " values"));
  return true;
}

json* JsonBuilder::place(json value) {
  if (open_.empty()) return &(document = std::move(value));
  json& parent = *open_.back();
  if (parent.is_array()) {
    parent.push_back(std::move(value));
    return &parent.back();
  }
  return &(parent[key_] = std::move(value));
}

}  // namespace gpuhook::formats
