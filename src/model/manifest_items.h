// The items of a manifest's lists, see manifest_reader.cpp.
#pragma once

#include <string>

#include "model/manifest_keys.h"

namespace dynpgext::model::fields {

// What all who read a manifest share.
struct reading {
  const server_numbers &numbers;
  const interval_reader &read_interval;
  faults all;
  std::string extension;  // that is being read
  std::string group;      // tells its names from those of another one

  declared_allocation read_allocation(const place &at, const json::value &v, part where);
  declared_worker read_worker(const place &at, const json::value &v, part where);
  declared_settings read_settings(const place &at, const json::value &v);
};

}  // namespace dynpgext::model::fields
