// One command of SQL in a background worker that runs those of many: as a role that it cannot
// leave, and with nothing of it left in the process for the next one.
//
// The process is a superuser's; the command's role is a change of the kind that SECURITY DEFINER
// functions make, which holds until the transaction has been committed, deferred triggers and all.
// In it the server refuses SET ROLE and SET SESSION AUTHORIZATION in every form.
#pragma once

#include <string>

#include "pg/clock.h"
#include "pg/transaction.h"

namespace dynpgext::pg {

// Whom it runs as, as it was decided when it was registered.
struct command_role {
  Oid role = InvalidOid;
  Oid registered_by = InvalidOid;
  bool superuser = false;
  bool without_login = false;
  bool by_hand = false;
};

struct sql_command {
  std::string sql;
  std::string extension;  // its schema is searched after pg_catalog, and nothing else
  command_role role;
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

// Has there been a SIGUSR2 since this was last asked?
[[nodiscard]] bool was_nudged();

// Waits as wait_for_latch() does; what is counted is reported meanwhile.
void idle_until_woken(long milliseconds);

// refused: its role is not what it was, and the worker is not to run again by itself.
enum class command_end { done, failed, called_off, refused };
// In a transaction of its own.  FATAL ends the process.
[[nodiscard]] command_end run_command(const sql_command &c, failure *why);

}  // namespace dynpgext::pg
