// Processes of ours that do not end on SIGTERM: named in the log, and ended by another signal.
//
// The launcher does this after dynpgext.stop_timeout (workers/watch.h), and in a shutdown, in which
// the postmaster waits for every process without limit.
#pragma once

#include "shared/root.h"

namespace dynpgext::supervision {

struct late_process {
  std::string who;
  pid_t pid;
  Oid database;   // the one it serves; InvalidOid: any, then the one it is connected to
  bool runs_sql;  // SQL commands, not its own code
};
void report_overdue(const late_process &process, long milliseconds);
void report_stuck(const late_process &process);

// For the launcher when the server shuts down: returns when no process of ours is left, and at the
// latest a little after dynpgext.stop_timeout, so that the shutdown does not wait for the launcher.
void see_off(state::shared &s);

}  // namespace dynpgext::supervision
