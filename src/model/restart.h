// When an ended worker is restarted.  Pure: times and chance are passed in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dynpgext::model {

enum class restart_policy : std::uint8_t {
  never,
  on_failure,  // after any end except exit 0
  always
};
[[nodiscard]] std::string_view name_of(restart_policy policy);
[[nodiscard]] std::optional<restart_policy> restart_policy_of(std::string_view name);

inline constexpr std::int64_t default_restart_delay = 1000;            // milliseconds
inline constexpr std::int64_t max_restart_delay = 24LL * 3600 * 1000;  // of the setting

// Supervision of a worker: the author's terms, overridden by the DBA's settings.
struct worker_terms {
  bool enabled = true;
  restart_policy restart = restart_policy::never;
  std::int64_t restart_delay = default_restart_delay;  // milliseconds, before the first restart
  std::int64_t run_interval = 0;  // milliseconds, of an SQL worker; 0: the author's
  bool operator==(const worker_terms &) const = default;
};

// Is a worker that ended by itself, normally or not, restarted?
[[nodiscard]] bool restarts(restart_policy policy, bool failed);

// A run at least as long as the longest delay was healthy: the next delay is the first one.
[[nodiscard]] bool is_healthy(std::int64_t ran, std::int64_t longest_delay);

// The delay before the next start, in milliseconds. `unhealthy_runs` in a row double the delay (one
// below 50 ms from there on), up to `longest_delay`, which limits the growth, not the first delay.
// `chance`, from 0 to 1, shortens it by up to a quarter, so that workers that ended together do not
// restart together; it is never longer than the nominal delay.
[[nodiscard]] std::int64_t restart_delay(const worker_terms &terms, std::uint32_t unhealthy_runs,
                                         std::int64_t longest_delay, double chance);

}  // namespace dynpgext::model
