#include "pg/barrier.h"

#include <signal.h>

namespace dynpgext::pg {
namespace {

constinit pg_atomic_uint32 *volatile report = nullptr;

// The server's own handler does nothing without a pending barrier, so our signal is only a
// question.
void on_signal(SIGNAL_ARGS) {
  procsignal_sigusr1_handler(DYNPGEXT_SIGNAL_ARGUMENTS);
  pg_atomic_uint32 *to = report;
  if (to != nullptr) pg_atomic_write_u32(to, ProcSignalBarrierPending ? 1 : 0);
}

}  // namespace

bool is_barrier_awaited() {
  for (uint32 i = 0; i < ProcGlobal->allProcCount; ++i)
    if (ProcGlobal->allProcs[i].wait_event_info == WAIT_EVENT_PROC_SIGNAL_BARRIER) return true;
  return false;
}

void report_barrier(pg_atomic_uint32 *to) {
  report = to;
  call([] { pqsignal(SIGUSR1, on_signal); });
}

void stop_reporting_barrier() noexcept { report = nullptr; }

void ask_for_barrier(pid_t process) { (void)kill(process, SIGUSR1); }

}  // namespace dynpgext::pg
