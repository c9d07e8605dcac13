// The command of an SQL worker, in a process that has connected as its role and is shared by
// commands with the same role.  Nothing in the process belongs to another role: a command can do
// exactly what its role could do in a session.
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
  int64 deadline = 0;   // milliseconds; 0: no limit
  int failure_level = WARNING;
  // Set: it must end; checked at each SIGUSR2.
  const volatile moment *told_at = nullptr;
};

// Once in the process, before its signals are unblocked: SIGUSR2 makes it check whether its running
// command must end, SIGTERM ends the process at the next check for interrupts, and a cancel without
// a command is discarded.
void prepare_for_commands();

// Does the process end because a command has continued for dynpgext.stop_timeout after its
// deadline?
[[nodiscard]] bool has_outstayed_deadline();

// Is a command running that must end?
[[nodiscard]] bool is_command_called_off() noexcept;

// Since the last call, has a run found an owner of the database that was not recorded?
[[nodiscard]] bool has_met_new_owner();

// Has there been a SIGUSR2 since the last call?
[[nodiscard]] bool was_nudged();

// Waits like wait_for_latch(); reports statistics meanwhile.
void idle_until_woken(long milliseconds);

enum class command_end {
  done,
  failed,
  called_off,
  refused,  // its identity has changed; the worker must not run again by itself
  stale     // it has not run: the role has other settings than this process
};
// FATAL ends the process.
[[nodiscard]] command_end run_command(const sql_command &c, failure *why);

}  // namespace dynpgext::pg
