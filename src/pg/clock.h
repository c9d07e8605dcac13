// Time: one clock for durations, the wall clock for people.
//
// Whoever measures how long something takes, or decides when something is due, uses `moment`.
// It comes from a clock that nobody sets, and that all processes of the host share; so it may be
// kept in shared memory.  TimestampTz is for display alone, and the compiler keeps the two apart.
//
// The clock stands still while the host sleeps.  That is deliberate: it is the clock that the
// server's waits go by, and after a night's sleep no worker has missed a heartbeat, no process has
// been slow to end, and not everything is due at once.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

using duration = std::chrono::microseconds;

// Plain data, for shared memory and signal handlers; zero is "none".
struct moment {
  int64 microseconds;

  // Async-signal-safe.
  [[nodiscard]] static moment now() noexcept;
  // Later than any other.
  [[nodiscard]] static constexpr moment never() { return {INT64_MAX}; }
  [[nodiscard]] constexpr bool is_set() const { return microseconds != 0; }

  friend constexpr auto operator<=>(const moment &, const moment &) = default;
  friend constexpr duration operator-(moment a, moment b) {
    return duration(a.microseconds - b.microseconds);
  }
  friend constexpr moment operator+(moment a, duration d) { return {a.microseconds + d.count()}; }
  friend constexpr moment operator-(moment a, duration d) { return {a.microseconds - d.count()}; }
};
static_assert(std::is_trivial_v<moment> && sizeof(moment) == sizeof(int64));

// How long until then, in milliseconds, rounded up; 0 when it has passed.
[[nodiscard]] long milliseconds_until(moment then) noexcept;

// What the wall clock, as it stands now, will show then; 0 for none.  For display.
[[nodiscard]] TimestampTz wall_time(moment then) noexcept;

// A number that differs between two boots of the host, between which moments say nothing of each
// other; 0 where the system does not tell.
[[nodiscard]] uint64 host_boot() noexcept;

// Where somebody else stores `moment` without a lock.
[[nodiscard]] inline moment read_moment(pg_atomic_uint64 *from) {
  return {static_cast<int64>(pg_atomic_read_u64(from))};
}
inline void write_moment(pg_atomic_uint64 *to, moment m) {
  pg_atomic_write_u64(to, static_cast<uint64>(m.microseconds));
}

}  // namespace dynpgext::pg
