// The launcher: one process for the server that sees to it that what is registered runs.
//
// Every naptime, and whenever it is woken:
//   1. buries processes of workers that have ended
//   2. looks for new and dropped databases in pg_database, and for libraries that have changed
//   3. sends processes to databases that have not been looked at, start_concurrency at once
//   4. reconciles workers: what is wanted and does not run is started, and so on
//   5. looks at the clock: heartbeats that stay away, ends that do not come, restarts to come
//
// It holds no state of its own that matters: killed at any moment, its successor goes on.
//
// Scenarios:
//
//   a worker's process ends       buried; what follows is decided by its policy
//   a database is created         a visit tells whether it has dynpgext
//   a database is dropped         what it had is forgotten when its processes have gone
//   COMMIT PREPARED               a visit of its database
//   a promotion                   visits everywhere: what runs depends on the server's role
//   a new file of a library       extensions that failed for the old one are tried again
//   slots are full                visits come first, then who has waited longest
//   a command on a database       processes in its way are told to end, and come back after it
//   a new file of dynpgext's      its successor runs that, see launcher/replacement.h
//   SIGHUP                        settings hold at once, and everything is looked at
//   SIGTERM to the launcher       it asks for its successor itself
//   the server shuts down         it stays until workers that ignore SIGTERM are gone
//   nothing to launch             it ends, where dynpgext is not preloaded
#pragma once

#include "pg/worker.h"
#include "workers/launch.h"

namespace dynpgext::supervision {

class visits {
 public:
  explicit visits(state::shared &s) : shared_(s) {}
  // Starts as many as may run at once; forgets those that have ended.  Returns whether any
  // is under way or waits for a slot.
  bool advance();
  // Does a database wait for a slot to be visited with?
  [[nodiscard]] bool is_starved() const { return starved_; }

 private:
  struct visit {
    Oid database;
    BackgroundWorkerHandle *handle;
    pg::moment asked_at;
  };
  void reap();
  void make_way();
  [[nodiscard]] std::vector<Oid> due() const;
  bool start(Oid database);
  void end_hunger();  // visits find slots again

  state::shared &shared_;
  std::vector<visit> under_way_;
  bool starved_ = false;
};

struct database {
  Oid id;
  uint32 row;  // see pg/database_mark.h
  Oid owner;
  bool of_superuser;
  bool connectable;
};
// From pg_database; in a transaction of its own.
[[nodiscard]] std::vector<database> existing_databases();
// New databases are to be visited, dropped ones are forgotten with everything they had.  Reads
// pg_database only where it has changed, or must be read for another reason.
class databases_follower {
 public:
  void read_next() { must_read_ = true; }
  void follow(state::shared &s, pg::moment now);

 private:
  bool must_read_ = true;
  pg::moment read_at_{};
};
// Extensions that have failed are tried again when the file of their library has changed, or a
// setting that may have been the reason.
void follow_failures(state::shared &s);
// On a standby: databases whose registrations have changed on the primary are to be visited.  After
// a promotion: all of them.
void follow_replay(state::shared &s);
// Databases whose prepared transactions have ended are to be visited.
void follow_prepared_transactions(state::shared &s);

}  // namespace dynpgext::supervision
