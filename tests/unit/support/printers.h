// SPDX-License-Identifier: Apache-2.0
// How failed expectations show the project's values.
#pragma once

#include <ostream>

#include "gpuhook/gpuhook.h"

namespace gpuhook {

template <class Where>
void PrintTo(const AbsolutePath<Where>& path, std::ostream* out) {
  *out << path.text();
}

inline void PrintTo(const PlannedOp& op, std::ostream* out) { *out << plan_as_json({.ops = {op}}); }

inline void PrintTo(const Note& note, std::ostream* out) {
  *out << note.what << ": " << note.reason;
}

inline void PrintTo(const Absence& absence, std::ostream* out) {
  *out << absence.what << ": " << absence.reason;
}

inline void PrintTo(const DriverFile& file, std::ostream* out) {
  *out << file.path.text() << " (" << file.soname << ") " << file.capabilities.text();
}

inline void PrintTo(const Request& request, std::ostream* out) {
  for (const DeviceSelector& device : request.devices) *out << text_of(device) << " ";
  *out << "for " << request.capabilities.text();
  for (const std::string& requirement : request.requirements) *out << " needs " << requirement;
}

inline void PrintTo(const DeviceNumber& number, std::ostream* out) {
  *out << number.major << ":" << number.minor;
}

inline void PrintTo(const SpecMount& mount, std::ostream* out) {
  *out << mount.source << " at " << mount.destination << " (" << mount.type << ")"
       << (mount.is_bind ? " bind" : "");
}

inline void PrintTo(const SpecDevice& device, std::ostream* out) {
  *out << device.path << " " << device.number.major << ":" << device.number.minor;
}

inline void PrintTo(const IdMapping& mapping, std::ostream* out) {
  *out << mapping.container_id << " is " << mapping.host_id << " of " << mapping.size;
}

inline void PrintTo(const Annotation& annotation, std::ostream* out) {
  *out << annotation.key << "=" << annotation.value;
}

}  // namespace gpuhook
