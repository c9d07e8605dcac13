// The command of an SQL worker, in a process that is its role and runs those of others who have the
// same role.  Nothing in the process is another's: what a command can do there, its role could do
// in a session.
#pragma once

#include <string>

#include "pg/clock.h"
#include "pg/command_rights.h"
#include "pg/transaction.h"

namespace dynpgext::pg {

struct sql_command {
  std::string sql;
  std::string extension;  // see pg/search_path.h
  command_role role;
  bool atomic = true;   // see run_statements()
  std::string label;    // application_name
  std::string context;  // for the log
  int64 deadline = 0;   // milliseconds; 0: any
  int failure_level = WARNING;
  // Set: it is to end; looked at with each SIGUSR2.
  const volatile moment *told_at = nullptr;
};

// Once in the process, before its signals are unblocked: SIGUSR2 makes it look whether the command
// that it runs is to end, SIGTERM ends the process at the next check for interrupts, and a request
// to cancel what is not there is forgotten.
void prepare_for_commands();

// Does the process end because a command has gone on for dynpgext.stop_timeout after its deadline?
[[nodiscard]] bool has_outstayed_deadline();

// Has a run found that the database has an owner whom nobody had noted, since this was last asked?
[[nodiscard]] bool has_met_new_owner();

// Has there been a SIGUSR2 since this was last asked?
[[nodiscard]] bool was_nudged();

// Waits as wait_for_latch() does; what is counted is reported meanwhile.
void idle_until_woken(long milliseconds);

enum class command_end {
  done,
  failed,
  called_off,
  refused,  // its role is not what it was, and the worker is not to run again by itself
  stale     // it has not run: the role has other settings than this process
};
// FATAL ends the process.
[[nodiscard]] command_end run_command(const sql_command &c, failure *why);

}  // namespace dynpgext::pg
