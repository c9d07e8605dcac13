#include "launcher/utility.h"

#include "launcher/extension_commands.h"
#include "pg/analysis.h"
#include "pg/database.h"
#include "pg/fault.h"
#include "pg/owner_commands.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "pg/utility.h"
#include "shared/worker_identity.h"
#include "workers/database_commands.h"
#include "workers/launch.h"

namespace dynpgext::supervision {
namespace {

void clear(state::shared &s, Oid database) {
  const long patience = pg::settings::stop_timeout_milliseconds();
  const auto told = state::clear_database(s, database);
  DYNPGEXT_FAULT_POINT("command.cleared");
  for (const state::worker_identity &id : state::wait_until_cleared(s, database, told, patience))
    pg::log(WARNING,
            name_of(id) + " is connected to the database, and has not ended within " +
                std::to_string(patience) + " ms",
            "Its code, or the command of an SQL worker, does not serve interrupts.");
}

// The command's own lock on the database is taken first, not after the wait.  Nobody else can
// connect meanwhile.
void make_room(const Node *statement) {
  const std::optional<pg::wanted_database> wanted = pg::database_wanted_alone(statement);
  if (!wanted) return;
  pg::lock_wanted(*wanted);  // raises the command's own error
  // a failure here must not prevent the command
  (void)pg::tolerate(
      "stopping workers for a command on a database",
      [&] {
        state::shared &s = state::attach();
        state::block_database(s, wanted->id);
        clear(s, wanted->id);
      },
      "The command fails if they are connected to the database.");
}

bool concerns_databases(const Node *statement) {
  switch (nodeTag(statement)) {
    case T_DropdbStmt:
    case T_CreatedbStmt:
    case T_AlterDatabaseStmt: return true;
    case T_RenameStmt:
      return reinterpret_cast<const RenameStmt *>(statement)->renameType == OBJECT_DATABASE;
    default: return false;
  }
}

// TimescaleDB, for example, starts a process in the database while the statement is analysed.  That
// process waits for the end of the command.  If it connects before the lock is held, the command
// fails.  So the lock is taken here already.
void on_analysis(const Node *statement) {
  if (!concerns_databases(statement) || !state::available()) return;
  pg::entry([=] {
    const std::optional<pg::wanted_database> wanted = pg::database_wanted_alone(statement);
    if (wanted) pg::lock_wanted(*wanted);
  });
}

void on_utility(const pg::utility_statement &seen) {
  if (!state::available()) return;
  pg::note_owners_changed_by(seen.statement);
  if (concerns_databases(seen.statement))
    make_room(seen.statement);
  else
    make_room_for(seen.statement);
}

// The end of the command itself: pg_database shows whether it has succeeded.
void on_end_of_transaction(XactEvent event, void *) {
  if (event == XACT_EVENT_PRE_COMMIT && pg::makes_copy())
    pg::entry([] {
      (void)pg::tolerate("recording the owners of the template",
                         [] { pg::note_owners_of_new_copy(); });
    });
  if (event == XACT_EVENT_ABORT) pg::forget_new_copy();
  // for a prepared transaction the launcher meets the lock
  if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
    return;
  if (state::shared *s = state::attached()) state::unblock_databases(*s);
}

}  // namespace

void watch_utility_commands() {
  pg::watch_utility(on_utility);
  pg::call([] { RegisterXactCallback(on_end_of_transaction, nullptr); });
}

void watch_utility_analysis() { pg::watch_utility_analysis(on_analysis); }

}  // namespace dynpgext::supervision
