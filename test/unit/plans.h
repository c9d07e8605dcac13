// Plans, short enough to be compared as text.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "samples.h"

namespace dynpgext::model {

// For GoogleTest's messages.
inline void PrintTo(const action &a, std::ostream *out) {
  *out << name_of(a.kind) << ' ' << name_of(a.object) << ' ' << a.home << ' ' << a.extension << '.'
       << a.name << " (" << a.detail << ')';
}

namespace samples {

using actions = std::vector<action>;
using list = std::vector<std::string>;

inline list in_short(const actions &all) {
  list result;
  for (const action &a : all)
    result.push_back(std::string(name_of(a.kind)) + ' ' + std::string(name_of(a.object)) + ' ' +
                     std::to_string(a.home) + ' ' + a.extension + '.' + a.name);
  return result;
}

}  // namespace samples
}  // namespace dynpgext::model
