// Which databases the launcher has to look at, and when: those where something has changed, and
// those where something is due.
#pragma once

#include <vector>

#include "shared/globals.h"
#include "shared/root.h"

namespace dynpgext::state {

// Something has changed in the list of this database's workers, or of what lets them run.  Wakes
// the launcher.  Exclusive lock; allocates nothing.
void attend(const shared &s, Oid database);
// It has been so since then.
void attend(const shared &s, Oid database, pg::moment since);
// The same for all databases.
void attend_all(const shared &s);
// A place has become free, or a command is over: those where some worker waits.
void attend_waiting(const shared &s) noexcept;

// Another one may be wanted under the name, or nobody.  Exclusive lock; allocates nothing.
void attend_holder(const shared &s, const global_name &name);
// Workers of a database that wait.
struct waiting {
  bool somebody = false;
  pg::moment since{};          // the one that has waited for a place for longest: it gets the next
  bool runner_wanted = false;  // some SQL worker is among those
  bool others = false;         // not only SQL workers, and not only for a place

  void add(const worker_entry &entry);
};
// This worker waits.
void note_waiting(const shared &s, const worker_entry &entry);

// --- for the launcher ---
struct attention {
  struct marked {
    pg::moment since;
    Oid database;
    bool only_waits;        // nothing else has happened
    bool waits_for_runner;  // and only for the place of a runner
  };
  std::vector<marked> databases;  // the one that has waited longest first
  // There are workers of databases that are not there any more.
  bool orphans = false;
};
// Those that it has to look at now; none of them is marked any more.
[[nodiscard]] attention take_attention(const shared &s);
// When the next of the others is due (moment::never(): none), and whether some worker waits.
struct outlook {
  pg::moment due = pg::moment::never();
  bool somebody_waits = false;
};
[[nodiscard]] outlook look_ahead(const shared &s);
// It has to look at the database again at this moment, at the latest.
void set_due_by(const shared &s, Oid database, pg::moment due);
// The next database after this one, by OID; InvalidOid: there is none, begin again.  Caller holds
// root.lock.
[[nodiscard]] Oid next_database(const shared &s, Oid last);
// When it has looked: when it has to look again, and whether some worker waits there.  Exclusive
// lock, under which that has been found out.
void set_due(const shared &s, Oid database, pg::moment due, const waiting &waits);

}  // namespace dynpgext::state
