// Processes of ours that stay when they are told to end: named in the log, and ended by another
// signal.
//
// The launcher does that after dynpgext.stop_timeout (workers/watch.h), and in a shutdown, for
// which the postmaster waits until every process is gone, however long that takes.
#pragma once

#include "shared/root.h"

namespace dynpgext::supervision {

struct late_process {
  std::string who;
  pid_t pid;
  Oid database;   // that it serves; InvalidOid: any, then the one that it is connected to
  bool runs_sql;  // commands, not code of its own
};
void report_overdue(const late_process &process, long milliseconds);
void report_stuck(const late_process &process);

// For the launcher when the server shuts down: returns when no process of ours is left, and a
// little after dynpgext.stop_timeout in any case, so that it is not what the shutdown waits for.
void see_off(state::shared &s);

}  // namespace dynpgext::supervision
