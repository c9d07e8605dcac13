// A reader of intervals for tests, where there is no server: "5 s", "-2 h", "250 ms".
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace dynpgext::model::manifests {

inline std::optional<std::int64_t> microseconds_of(const std::string &text) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 7> units{{{"us", 1},
                                                                            {"ms", 1000},
                                                                            {"s", 1000000},
                                                                            {"min", 60000000},
                                                                            {"h", 3600000000},
                                                                            {"day", 86400000000},
                                                                            {"days", 86400000000}}};
  constexpr std::int64_t most = 1000000000;
  std::string_view rest = text;
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
  if (error != std::errc() || count > most || count < -most) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (rest.empty() || rest.front() != ' ') return std::nullopt;
  for (const auto &[name, factor] : units)
    if (name == rest.substr(1)) return count * factor;
  return std::nullopt;
}

}  // namespace dynpgext::model::manifests
