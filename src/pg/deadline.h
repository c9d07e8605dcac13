// A time limit for code of others that this process runs, or for a wait.
//
// When the time has passed, the process gets what pg_cancel_backend() sends: the code, or the wait,
// raises 57014 at its next CHECK_FOR_INTERRUPTS(), and gets the signal again every second, in case
// the code has handled the error.  Whoever has set the limit asks has_passed() and reports in its
// own words.  The clock is one that nobody sets.  Limits may be nested: each holds.
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
  // A cancel that its end has set, and nobody has served, is taken back.
  ~deadline();

  [[nodiscard]] bool has_passed() const noexcept;
  // Is this the error that the end of this limit raises?  A cancel by a user or by
  // statement_timeout is told apart where the time has not passed, or by its message.
  [[nodiscard]] bool explains(const server_error &e) const noexcept;

 private:
  moment at_{};  // none: no limit
  deadline *outer_;

  friend void arm_earliest() noexcept;
  friend void on_overdue(SIGNAL_ARGS);
};

// In a process of dynpgext's own, which nobody would miss: code that does not come by a
// CHECK_FOR_INTERRUPTS() within some seconds of its limit ends the process (FATAL).
void install_deadline_end();

}  // namespace dynpgext::pg
