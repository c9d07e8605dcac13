// How long the root lock is held: for script/bench --scale, whose build has DYNPGEXT_LOCK_TIMES.
// Other builds do not measure.
#pragma once

#include "pg/server.h"

#ifdef DYNPGEXT_LOCK_TIMES
#include <source_location>
#include <time.h>
#endif

namespace dynpgext::pg {

#ifdef DYNPGEXT_LOCK_TIMES
using place = std::source_location;
#else
struct place {
  static constexpr place current() noexcept { return {}; }
};
#endif

// From acquiring the lock until its release.  Long holds are logged, one line each: CPU time, which
// does not depend on other processes, and elapsed time.
class lock_times {
 public:
#ifdef DYNPGEXT_LOCK_TIMES
  void begin(const place &where) noexcept {
    where_ = where;
    cpu_ = now(CLOCK_THREAD_CPUTIME_ID);
    wall_ = now(CLOCK_MONOTONIC);
  }
  void end() const noexcept {
    constexpr int64 reported = 20000;
    const int64 cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu_;
    if (cpu >= reported)
      (void)fprintf(
          stderr, "dynpgext lock: " INT64_FORMAT " ns of CPU, " INT64_FORMAT " ns, %s:%u\n", cpu,
          now(CLOCK_MONOTONIC) - wall_, where_.file_name(), static_cast<unsigned>(where_.line()));
  }

 private:
  static int64 now(clockid_t clock) noexcept {
    timespec t{};
    (void)clock_gettime(clock, &t);
    return int64{t.tv_sec} * 1000000000 + t.tv_nsec;
  }

  place where_;
  int64 cpu_ = 0;
  int64 wall_ = 0;
#else
  void begin(const place &) noexcept {}
  void end() const noexcept {}
#endif
};

}  // namespace dynpgext::pg
