#include "pg/deadline.h"

#include <signal.h>
#include <time.h>

#include "pg/termination.h"

namespace dynpgext::pg {
namespace {

// How long after its limit code may take to reach a CHECK_FOR_INTERRUPTS().
constexpr std::chrono::seconds grace(3);
constexpr long repeat_seconds = 1;

constinit deadline *innermost = nullptr;
constinit timer_t timer{};
constinit bool has_timer = false;

// SIGINT is a cancel in every process that is connected to a database.
bool have_timer() noexcept {
  if (has_timer) return true;
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGINT;
  has_timer = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
  return has_timer;
}

}  // namespace

void arm_earliest() noexcept {
  moment earliest = moment::never();
  for (const deadline *d = innermost; d != nullptr; d = d->outer_)
    if (d->at_.is_set()) earliest = std::min(earliest, d->at_);
  if (!have_timer()) return;
  itimerspec when{};
  if (earliest != moment::never()) {
    const int64 left = std::max((earliest - moment::now()).count(), INT64CONST(1));
    when.it_value.tv_sec = left / 1000000;
    when.it_value.tv_nsec = left % 1000000 * 1000;
    when.it_interval.tv_sec = repeat_seconds;
  }
  (void)timer_settime(timer, 0, &when, nullptr);
}

// Like the server's StatementCancelHandler(), until it is clear that the code does not serve it.
void on_overdue(SIGNAL_ARGS) {
  (void)postgres_signal_arg;
  if (proc_exit_inprogress) return;
  const int saved_errno = errno;
  const moment now = moment::now();
  bool is_late = false;
  for (const deadline *d = innermost; d != nullptr; d = d->outer_)
    if (d->at_.is_set() && now >= d->at_ + grace) is_late = true;
  if (is_late && may_end_here()) {
    block_all_signals();
    ereport(FATAL, (errcode(ERRCODE_QUERY_CANCELED),
                    errmsg("terminating the process because its code does not serve interrupts")));
  }
  InterruptPending = true;
  QueryCancelPending = true;
  SetLatch(MyLatch);
  errno = saved_errno;
}

deadline::deadline(int64 milliseconds) noexcept : outer_(innermost) {
  // SIGINT ends single-user mode
  if (milliseconds <= 0 || !IsUnderPostmaster) return;
  at_ = moment::now() + std::chrono::milliseconds(milliseconds);
  innermost = this;
  arm_earliest();
}

deadline::~deadline() {
  if (!at_.is_set()) return;
  innermost = outer_;
  arm_earliest();
  if (has_passed()) QueryCancelPending = false;
}

bool deadline::has_passed() const noexcept { return at_.is_set() && moment::now() >= at_; }

bool deadline::explains(const server_error &e) const noexcept {
  constexpr std::string_view plain_cancel = "canceling statement due to user request";
  const ErrorData *data = e.data();
  return has_passed() && data->sqlerrcode == ERRCODE_QUERY_CANCELED &&
         data->message_id != nullptr && plain_cancel == data->message_id;
}

void install_deadline_end() {
  call([] { pqsignal(SIGINT, on_overdue); });
}

}  // namespace dynpgext::pg
