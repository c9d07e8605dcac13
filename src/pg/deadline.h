// A time limit for foreign code in this process, or for a wait.
//
// After the time, the process gets the signal of pg_cancel_backend(): the code, or the wait, raises
// 57014 at its next CHECK_FOR_INTERRUPTS(), and gets the signal again every second, in case the
// code has handled the error.  The owner of the limit calls has_passed() and reports in its own
// words.  It uses a clock that nobody can set.  Limits may be nested: each applies.
#pragma once

#include "pg/border.h"
#include "pg/clock.h"

namespace dynpgext::pg {

class deadline {
 public:
  // 0 or less: no limit.
  explicit deadline(int64 milliseconds) noexcept;
  deadline(const deadline &) = delete;
  deadline &operator=(const deadline &) = delete;
  // Withdraws a cancel of this limit that has not been served.
  ~deadline();

  [[nodiscard]] bool has_passed() const noexcept;
  // Is this the error raised by this limit?  A cancel by a user or by statement_timeout differs:
  // the time has not passed, or its message is different.
  [[nodiscard]] bool explains(const server_error &e) const noexcept;

 private:
  moment at_{};  // none: no limit
  deadline *outer_;

  friend void arm_earliest() noexcept;
  friend void on_overdue(SIGNAL_ARGS);
};

// In dynpgext's own processes, which nobody misses: code that does not reach a
// CHECK_FOR_INTERRUPTS() within some seconds of its limit ends the process (FATAL).
void install_deadline_end();

}  // namespace dynpgext::pg
