// SPDX-License-Identifier: Apache-2.0
// A decision as one line, so that tests can write out what they expect.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "gpuhook/request.h"
#include "support/results.h"

namespace gpuhook::testing {

inline std::string request_text(const Request& request) {
  std::vector<std::string> words;
  for (const DeviceSelector& device : request.devices) words.push_back(text_of(device));
  if (words.empty()) words.emplace_back("no GPU");
  const std::string capabilities = request.capabilities.text();
  words.push_back(concat("for ", capabilities.empty() ? "no capability" : capabilities));
  for (const std::string& requirement : request.requirements)
    words.push_back("needs " + requirement);
  if (!request.features.empty()) words.push_back(concat("with ", request.features.text()));
  std::vector<std::string> channels;
  for (const std::uint32_t channel : request.imex_channels)
    channels.push_back(std::to_string(channel));
  if (!channels.empty()) words.push_back(concat("imex ", joined(channels, ",")));
  if (request.mig_config) words.emplace_back("mig-config");
  if (request.mig_monitor) words.emplace_back("mig-monitor");
  return joined(words, " ");
}

// "nothing" or "DEVICES for CAPABILITIES[ needs REQUIREMENT]...[ with FEATURES][ imex CHANNELS]
// [ mig-config][ mig-monitor]", and behind it "; note: VARIABLE" for each note, by name, since
// their order means nothing. An error is "KIND: MESSAGE".
inline std::string decision_text(const ContainerSpec& spec, const Config& config,
                                 Decider decider = Decider::kHook) {
  const Result<RequestDecision> decision = decide_request(spec, config, decider);
  if (!decision) return error_kind(decision) + ": " + error_of(decision);
  std::vector<std::string> notes;
  for (const Note& note : decision->notes) notes.push_back(concat("; note: ", note.what));
  std::sort(notes.begin(), notes.end());
  return (decision->request ? request_text(*decision->request) : "nothing") + joined(notes, "");
}

}  // namespace gpuhook::testing
