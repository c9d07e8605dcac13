// The server's barriers: a command waits until every process has served an interrupt (DROP
// DATABASE, SET TABLESPACE, ..., and their replay on a standby), for ever if need be.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Does somebody wait for that now?  (Wait event ProcSignalBarrier.)
[[nodiscard]] bool is_barrier_awaited();

// From now on this process writes into `to`, whenever it is asked, whether it has a barrier to
// serve.
void report_barrier(pg_atomic_uint32 *to);

// To be called on the way out, before the process leaves shared memory.
void stop_reporting_barrier() noexcept;

// Asks a process that reports.
void ask_for_barrier(pid_t process);

}  // namespace dynpgext::pg
