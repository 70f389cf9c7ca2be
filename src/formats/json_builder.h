// SPDX-License-Identifier: Apache-2.0
// A JSON document from the events of a parser, within limits.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/json.h"

namespace gpuhook::formats {

// Stops at the first breach of a limit and at a key that one object has twice. Every function for
// an event returns whether to go on.
class JsonBuilder {
 public:
  explicit JsonBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool put(nlohmann::json scalar);
  bool key(std::string name);  // of the value that comes next
  bool open(nlohmann::json container);
  bool close();
  bool stop(std::string why);

  nlohmann::json document;
  std::string problem;

 private:
  bool count();
  nlohmann::json* place(nlohmann::json value);

  const JsonLimits& limits_;
  std::vector<nlohmann::json*> open_;
  std::string key_;
  std::size_t values_ = 0;
};

}  // namespace gpuhook::formats
