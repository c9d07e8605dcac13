#include "api/worker.h"

#include "pg/clock.h"
#include "pg/crash_exit.h"
#include "pg/worker.h"
#include "workers/workers.h"

namespace dynpgext::api {
namespace {

constexpr long longest_wait = 1000L * 365 * 24 * 3600 * 1000;  // milliseconds; a thousand years

// An author may forget this, and no signal would reach the worker.
void unblock_signals() {
  static constinit bool unblocked = false;
  if (std::exchange(unblocked, true) || MyBgworkerEntry == nullptr) return;
  pg::call([] { BackgroundWorkerUnblockSignals(); });
}

// A waiting process is alive: it wakes in between to send a heartbeat.
long until_heartbeat(long milliseconds) {
  const state::pulse *mine = state::my_pulse();
  if (mine == nullptr || mine->deadline <= 0) return milliseconds;
  const long half = std::max(1L, static_cast<long>(mine->deadline / 2));
  return milliseconds < 0 ? half : std::min(milliseconds, half);
}

bool wait(long milliseconds) {
  unblock_signals();
  // an author's own handler of SIGQUIT would make a bystander of a crash look like its cause
  pg::keep_telling_exit();
  milliseconds = std::min(milliseconds, longest_wait);
  const pg::moment end = pg::moment::now() + std::chrono::milliseconds(milliseconds);
  long left = milliseconds;
  for (;;) {
    worker_heartbeat();
    const bool woken = pg::wait_for_latch(until_heartbeat(left), pg::wait::extension_worker);
    (void)pg::reload_configuration_if_asked();
    worker_heartbeat();
    if (woken) return true;
    if (milliseconds < 0) continue;
    left = pg::milliseconds_until(end);
    if (left <= 0) return false;
  }
}

}  // namespace

void worker_heartbeat() {
  if (const state::pulse *mine = state::my_pulse())
    pg::write_moment(mine->heartbeat, pg::moment::now());
}

bool worker_wait(long milliseconds) {
  return pg::entry([=] {
    pg::report_idle();
    const bool woken = wait(milliseconds);
    pg::report_busy();
    return woken;
  });
}

}  // namespace dynpgext::api
