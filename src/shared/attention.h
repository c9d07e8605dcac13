// The databases that the launcher must handle, and when: databases with changes, and databases
// where something is due.
#pragma once

#include <vector>

#include "shared/globals.h"
#include "shared/root.h"

namespace dynpgext::state {

// The list of this database's workers, or a condition for running them, has changed.  Wakes the
// launcher.  Exclusive lock; allocates nothing.
void attend(const shared &s, Oid database);
// The same, with the time of the change.
void attend(const shared &s, Oid database, pg::moment since);
// The same for all databases.
void attend_all(const shared &s);
// A place has become free, or a command has ended: databases with waiting workers.
void attend_waiting(const shared &s) noexcept;

// Another database, or none, may now be the one for the global name.  Exclusive lock; allocates
// nothing.
void attend_holder(const shared &s, const global_name &name);
// Waiting workers of a database.
struct waiting {
  bool somebody = false;
  pg::moment since{};       // longest wait for a place among them; the longest gets the next place
  uint8 runner_wanted = 0;  // for SQL workers among them: which runners end (yielding)
  bool others = false;      // not only SQL workers, and not only for a place

  void add(const worker_entry &entry);
};
// This worker waits.
void note_waiting(const shared &s, const worker_entry &entry);

// --- for the launcher ---
struct attention {
  struct marked {
    pg::moment since;
    Oid database;
    bool only_waits;        // nothing else has changed
    bool waits_for_runner;  // and only for the place of a runner
  };
  std::vector<marked> databases;  // longest wait first
  // There are workers of dropped databases.
  bool orphans = false;
};
// The databases to handle now; clears their marks.
[[nodiscard]] attention take_attention(const shared &s);
// When the next of the others is due (moment::never(): none), and whether any worker waits.
struct outlook {
  pg::moment due = pg::moment::never();
  bool somebody_waits = false;
};
[[nodiscard]] outlook look_ahead(const shared &s);
// The launcher must handle the database again by this time.
void set_due_by(const shared &s, Oid database, pg::moment due);
// The next database by OID; InvalidOid: none, start over.  Caller holds root.lock.
[[nodiscard]] Oid next_database(const shared &s, Oid last);
// After handling a database: when it is due again, and whether a worker waits there.  Exclusive
// lock, the same as for reading these values.
void set_due(const shared &s, Oid database, pg::moment due, const waiting &waits);

}  // namespace dynpgext::state
