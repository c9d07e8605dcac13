#include "pg/termination.h"

#include <signal.h>
#include <time.h>

namespace dynpgext::pg {
namespace {

// How long a process may take to come by a CHECK_FOR_INTERRUPTS() before it is ended where it is.
constexpr int64 grace_microseconds = 1000000;

constinit volatile sig_atomic_t shields = 0;
constinit volatile sig_atomic_t asked = false;
constinit volatile TimestampTz asked_at = 0;
constinit timer_t reminder{};
constinit bool has_reminder = false;

void end_now() {
  block_all_signals();
  ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN),
                  errmsg("terminating background worker \"%s\" due to administrator command",
                         MyBgworkerEntry->bgw_type)));
}

// A SIGTERM to this process itself, later; timer_settime() may be called in a handler.
void remind() {
  if (!has_reminder) return;
  itimerspec when{};
  when.it_value.tv_sec = grace_microseconds / 1000000;
  (void)timer_settime(reminder, 0, &when, nullptr);
}

void on_terminate(SIGNAL_ARGS) {
  if (proc_exit_inprogress) return;
  const int saved_errno = errno;
  const TimestampTz now = GetCurrentTimestamp();
  if (!asked) {
    asked = true;
    asked_at = now;
  }
  const bool is_late = now - asked_at >= grace_microseconds * 9 / 10;
  if (is_late && may_end_here()) end_now();
  InterruptPending = true;
  ProcDiePending = true;
  SetLatch(MyLatch);
  remind();
  errno = saved_errno;
}

constinit volatile sig_atomic_t told = 0;

// As the server's own for sessions, `die`, which does not keep in mind that it was called.
void on_session_terminate(SIGNAL_ARGS) {
  (void)postgres_signal_arg;
  const int saved = errno;
  told = 1;
  if (!proc_exit_inprogress) {
    InterruptPending = 1;
    ProcDiePending = 1;
  }
  SetLatch(MyLatch);
  errno = saved;
}

}  // namespace

void install_safe_termination() {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGTERM;
  has_reminder = timer_create(CLOCK_MONOTONIC, &event, &reminder) == 0;
  call([] { pqsignal(SIGTERM, on_terminate); });
}

void install_session_termination() {
  call([] { pqsignal(SIGTERM, on_session_terminate); });
}

bool was_told_to_end() noexcept { return told != 0; }

bool may_end_here() noexcept {
  return shields == 0 && InterruptHoldoffCount == 0 && CritSectionCount == 0;
}

void block_all_signals() noexcept {
  sigset_t all;
  sigfillset(&all);
  (void)sigprocmask(SIG_SETMASK, &all, nullptr);
}

termination_shield::termination_shield() noexcept { shields = shields + 1; }

termination_shield::~termination_shield() { shields = shields - 1; }

}  // namespace dynpgext::pg
