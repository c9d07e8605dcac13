#include "pg/termination.h"

#include <signal.h>

namespace dynpgext::pg {
namespace {

constinit volatile sig_atomic_t shields = 0;
constinit volatile sig_atomic_t put_off = false;

void end_now() {
  sigset_t all;
  sigfillset(&all);
  (void)sigprocmask(SIG_SETMASK, &all, nullptr);
  ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN),
                  errmsg("terminating background worker \"%s\" due to administrator command",
                         MyBgworkerEntry->bgw_type)));
}

void on_terminate(SIGNAL_ARGS) {
  if (proc_exit_inprogress) return;
  if (shields == 0 && InterruptHoldoffCount == 0 && CritSectionCount == 0) end_now();
  const int saved_errno = errno;
  put_off = true;
  InterruptPending = true;
  ProcDiePending = true;
  SetLatch(MyLatch);
  errno = saved_errno;
}

}  // namespace

void install_safe_termination() {
  call([] { pqsignal(SIGTERM, on_terminate); });
}

void install_session_termination() {
  call([] { pqsignal(SIGTERM, die); });
}

termination_shield::termination_shield() noexcept { shields = shields + 1; }

termination_shield::~termination_shield() { shields = shields - 1; }

void end_if_asked() {
  if (unlikely(put_off) && shields == 0 && InterruptHoldoffCount == 0 && CritSectionCount == 0 &&
      !proc_exit_inprogress)
    end_now();
}

}  // namespace dynpgext::pg
