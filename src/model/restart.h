// When a worker that has ended is started again.  Pure: times and chance are passed in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dynpgext::model {

enum class restart_policy : std::uint8_t {
  never,
  on_failure,  // after any end but exit 0
  always
};
[[nodiscard]] std::string_view name_of(restart_policy policy);
[[nodiscard]] std::optional<restart_policy> restart_policy_of(std::string_view name);

inline constexpr std::int64_t default_restart_delay = 1000;            // milliseconds
inline constexpr std::int64_t max_restart_delay = 24LL * 3600 * 1000;  // that can be set

// How a worker is supervised: as its author says, or where the DBA has said something, so.
struct worker_terms {
  bool enabled = true;
  restart_policy restart = restart_policy::never;
  std::int64_t restart_delay = default_restart_delay;  // milliseconds, of the first restart
  bool operator==(const worker_terms &) const = default;
};

// Is a worker that ended by itself, well or not, started again?
[[nodiscard]] bool restarts(restart_policy policy, bool failed);

// A run that lasted as long as the longest delay was a healthy one: the next delay is the first.
[[nodiscard]] bool is_healthy(std::int64_t ran, std::int64_t longest_delay);

// How long to wait before the next start, in milliseconds.  `unhealthy_runs` that came before in
// a row double the delay (one below 50 ms from there on), up to `longest_delay`, which bounds the
// growth, not the first delay. `chance`, from 0 to 1, shortens it by up to a quarter, so that
// workers that ended together do not come back together; it is never longer than the nominal delay.
[[nodiscard]] std::int64_t restart_delay(const worker_terms &terms, std::uint32_t unhealthy_runs,
                                         std::int64_t longest_delay, double chance);

}  // namespace dynpgext::model
