// The server's barriers: a command waits until every process has served an interrupt (DROP
// DATABASE, SET TABLESPACE, ..., and their replay on a standby), without a limit.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Does any process wait for a barrier now?  (Wait event ProcSignalBarrier.)
[[nodiscard]] bool is_barrier_awaited();

// From now on, when asked, this process stores into `to` whether it has a pending barrier.
void report_barrier(pg_atomic_uint32 *to);

// For the exit, before the process detaches from shared memory.
void stop_reporting_barrier() noexcept;

// Asks a process that reports.
void ask_for_barrier(pid_t process);

}  // namespace dynpgext::pg
