// What the tests of manifests share: an interval reader, and texts in and out.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "model/manifest.h"

namespace dynpgext::model::manifests {

inline const server_numbers numbers;

// "5 s", "-2 h", "250 ms": an integer, a space, a unit.
inline std::optional<std::int64_t> microseconds_of(const std::string &text) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> units{{{"us", 1},
                                                                            {"ms", 1000},
                                                                            {"s", 1000000},
                                                                            {"min", 60000000},
                                                                            {"h", 3600000000},
                                                                            {"days", 86400000000}}};
  std::int64_t count = 0;
  const char *const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || rest == end || *rest != ' ' || count > 1000000000 ||
      count < -1000000000)
    return std::nullopt;
  for (const auto &[name, factor] : units)
    if (name == std::string_view(rest + 1, static_cast<std::size_t>(end - rest - 1)))
      return count * factor;
  return std::nullopt;
}

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
