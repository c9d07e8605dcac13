// The items of a manifest's lists, see manifest_reader.cpp.
#pragma once

#include <string>

#include "model/manifest_keys.h"

namespace dynpgext::model::fields {

// Common data of the readers of a manifest.
struct reading {
  const server_numbers &numbers;
  const interval_reader &read_interval;
  faults all;
  std::string extension;  // being read
  std::string group;      // distinguishes its names from those of others

  declared_allocation read_allocation(const place &at, const json::value &v, part where);
  declared_worker read_worker(const place &at, const json::value &v, part where);
  declared_settings read_settings(const place &at, const json::value &v);
};

}  // namespace dynpgext::model::fields
