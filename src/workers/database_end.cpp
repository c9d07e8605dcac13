#include "workers/database_end.h"

#include "guard/quarantine.h"
#include "pg/database_mark.h"
#include "shared/databases.h"
#include "shared/events.h"
#include "shared/extension_states.h"
#include "shared/runs.h"
#include "workers/decision.h"
#include "workers/launch.h"
#include "workers/places.h"

namespace dynpgext::state {
namespace {

// Removes everything that the database has provisioned.  `mark`: only if it has this mark.
void empty_database(shared &s, Oid database, const std::string *mark) {
  publication nothing(s, database, {}, false);
  {
    const exclusive lock(s);
    database_entry *entry = s.databases.find({database});
    if (mark != nullptr && (entry == nullptr || entry->mark.view() != *mark)) return;
    if (entry != nullptr) entry->provisioned = entry->visited = false;
    nothing.publish();
    settle(s, nothing);
  }
  keep_extension_states(s, database, {});
  (void)carry_out(s, decide_workers(s, database, &nothing.touched()));
  forget_database_crashes(s, database);
}

}  // namespace

void forget_database(shared &s, Oid database) {
  empty_database(s, database, nullptr);
  const exclusive lock(s);
  if (database_entry *entry = s.databases.find({database})) forget_places(s, *entry);
  s.databases.erase({database});
  s.workers.forget_list(database);
  s.allocations.forget_list(database);
  s.extensions.forget_list(database);
  retire_events(s, database);
  retire_runs(s, database);
}

void meet_database(shared &s) {
  static constinit bool met = false;
  if (met || !OidIsValid(MyDatabaseId) || !IsTransactionState()) return;
  database_identity known;
  {
    const reading lock(s);
    if (const database_entry *entry = s.databases.find({MyDatabaseId}))
      known = {entry->mark.str(), entry->row};
  }
  if (!known.mark.empty() && pg::database_row(MyDatabaseId) != known.row) {
    const database_identity now = current_database_identity();
    if (now.mark == known.mark) {
      note_database_identity(s, MyDatabaseId, now);
    } else {
      empty_database(s, MyDatabaseId, &known.mark);
      (void)want_visit(s, MyDatabaseId);
    }
  }
  met = true;
}

}  // namespace dynpgext::state
