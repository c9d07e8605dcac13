// Time: one clock for durations, the wall clock for display.
//
// Use `moment` to measure durations and to decide when something is due.  It comes from a clock
// that nobody can set, common to all processes of the host, so it may be stored in shared memory.
// TimestampTz is for display only, and the compiler keeps the two apart.
//
// The clock stops while the host sleeps.  This is deliberate: the server's waits use the same
// clock, and after a suspend no heartbeat counts as missed, no end of a process as late, and not
// everything is due at once.
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

// Milliseconds until then, rounded up; 0 if it has passed.
[[nodiscard]] long milliseconds_until(moment then) noexcept;

// The wall clock's time at that moment, by its present setting; 0 for none.  For display.
[[nodiscard]] TimestampTz wall_time(moment then) noexcept;

// Identifies a boot of the host: moments of different boots are not comparable; 0 if unknown.
[[nodiscard]] uint64 host_boot() noexcept;

// For a `moment` that another process stores without a lock.
[[nodiscard]] inline moment read_moment(pg_atomic_uint64 *from) {
  return {static_cast<int64>(pg_atomic_read_u64(from))};
}
inline void write_moment(pg_atomic_uint64 *to, moment m) {
  pg_atomic_write_u64(to, static_cast<uint64>(m.microseconds));
}

}  // namespace dynpgext::pg
