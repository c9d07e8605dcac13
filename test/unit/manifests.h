// What the tests of manifests share: texts in and out.
#pragma once

#include <string>
#include <string_view>

#include "../manifest/interval.h"
#include "model/manifest.h"

namespace dynpgext::model::manifests {

inline const server_numbers numbers;

inline json::parsed parse(std::string_view text) { return json::parse(text, json::limits()); }

inline std::string text_of(const std::vector<json::fault> &faults) {
  std::string result;
  for (const json::fault &f : faults)
    result += json::text_of(f) + (f.beyond_schema ? " (beyond)" : "") + "\n";
  return result;
}

inline manifest_result read(std::string_view text, const std::string &extension = "queue") {
  const json::parsed p = parse(text);
  if (!p.faults.empty()) return {{}, p.faults};
  return read_manifest(p.document, extension, numbers, microseconds_of);
}

// What is wrong with it, one a line.
inline std::string faults_of(std::string_view text, const std::string &extension = "queue") {
  return text_of(read(text, extension).faults);
}

inline std::string write(const manifest &m, bool indented = false) {
  return json::print(write_manifest(m, numbers), indented);
}

}  // namespace dynpgext::model::manifests
