#include "pg/termination.h"

#include "pg/clock.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

namespace dynpgext::pg {
namespace {

// How long a process may take to reach a CHECK_FOR_INTERRUPTS() before it is ended where it is.
constexpr std::chrono::seconds grace(1);

constinit volatile sig_atomic_t shields = 0;
constinit volatile sig_atomic_t asked = false;
constinit moment asked_at{};  // in the handler, which does not interrupt itself
constinit timer_t reminder{};
constinit bool has_reminder = false;

constinit bool ends_here = false;

// The interrupted code may hold a lock of the C library that exit functions of other libraries
// need: they are skipped.  The server's callbacks have run by now.
#ifdef __GLIBC__
void leave_at_once(int status, void *) {
  if (ends_here) _exit(status);
}
#endif

// Once: another signal that is already pending is too late.  The text is not translated, because
// translation also takes such a lock.
void end_now() {
  block_all_signals();
  ends_here = true;
  ereport(FATAL,
          (errcode(ERRCODE_ADMIN_SHUTDOWN),
           errmsg_internal("terminating background worker \"%s\" due to administrator command",
                           MyBgworkerEntry->bgw_type)));
}

// The value of a SIGCONT that requests the end; any other SIGCONT has no effect.
constexpr int demand = 0x64796e70;

// Sends a later SIGCONT to this process itself; timer_settime() may be called in a handler.
void remind() {
  if (!has_reminder) return;
  itimerspec when{};
  when.it_value.tv_sec = grace.count();
  (void)timer_settime(reminder, 0, &when, nullptr);
}

constinit volatile sig_atomic_t told = 0;

void end_soon() {
  told = 1;
  const moment now = moment::now();
  if (!asked) {
    asked = true;
    asked_at = now;
  }
  const bool is_late = now - asked_at >= pg::duration(grace) * 9 / 10;
  if (is_late && may_end_here()) end_now();
  InterruptPending = true;
  ProcDiePending = true;
  SetLatch(MyLatch);
  remind();
}

void on_terminate(SIGNAL_ARGS) {
  (void)postgres_signal_arg;
  if (proc_exit_inprogress || ends_here) return;
  const int saved_errno = errno;
  end_soon();
  errno = saved_errno;
}

// From insist_on_end() or the reminder.  A forked child of this process is ignored.
void on_last_resort(int, siginfo_t *info, void *) {
  if (proc_exit_inprogress || ends_here || getpid() != MyProcPid) return;
  const int saved_errno = errno;
  const bool is_demand = info->si_code == SI_QUEUE && info->si_value.sival_int == demand;
  const bool is_reminder = info->si_code == SI_TIMER && asked;
  if (is_demand || is_reminder) end_soon();
  errno = saved_errno;
}

using question = bool (*)() noexcept;
constinit question is_told = nullptr;
constinit emit_log_hook_type previous_log_hook = nullptr;

// Called from errfinish(), which calls proc_exit(1) right after the report: so the process ends
// here anyway, and the same exit callbacks abort transactions.
void on_log(ErrorData *data) {
  if (data->elevel == FATAL && data->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN &&
      !proc_exit_inprogress && is_told())
    proc_exit(0);
  if (previous_log_hook != nullptr) previous_log_hook(data);
}

// Like the server's own for sessions, `die`, which does not record that it was called.
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

void install_last_resort() {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGCONT;
  has_reminder = timer_create(CLOCK_MONOTONIC, &event, &reminder) == 0;
#ifdef __GLIBC__
  (void)on_exit(leave_at_once, nullptr);
#endif
  // not pqsignal(), which passes neither sender nor value
  struct sigaction action {};
  action.sa_sigaction = on_last_resort;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(SIGCONT, &action, nullptr);
}

void insist_on_end(pid_t pid) noexcept {
  sigval value{};
  value.sival_int = demand;
  if (pid > 0) (void)sigqueue(pid, SIGCONT, value);
}

void install_safe_termination() {
  install_last_resort();
  call([] { pqsignal(SIGTERM, on_terminate); });
}

void end_well_when_told(bool (*was_told)() noexcept) {
  is_told = was_told;
  previous_log_hook = emit_log_hook;
  emit_log_hook = on_log;
}

void install_session_termination() {
  call([] { pqsignal(SIGTERM, on_session_terminate); });
}

bool was_told_to_end() noexcept { return told != 0; }

bool may_end_here() noexcept {
  return shields == 0 && InterruptHoldoffCount == 0 && CritSectionCount == 0;
}

// The server does not include SIGCONT, which is our last resort.
void block_all_signals() noexcept {
  sigset_t all = BlockSig;
  (void)sigaddset(&all, SIGCONT);
  (void)sigprocmask(SIG_SETMASK, &all, nullptr);
}

termination_shield::termination_shield() noexcept { shields = shields + 1; }

termination_shield::~termination_shield() { shields = shields - 1; }

}  // namespace dynpgext::pg
