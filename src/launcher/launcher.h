// The launcher: one process for the server that keeps the registered workers running.
//
// Every naptime, and whenever it is woken, it
//   1. buries processes of workers that have ended
//   2. looks for new and dropped databases in pg_database, and for changed libraries
//   3. sends visits to databases that are due, start_concurrency at once
//   4. reconciles workers: starts those that are wanted and do not run, and so on
//   5. checks the time: missed heartbeats, late ends, restarts that are due
//
// It holds no essential state: if it is killed, its successor continues.
//
// Scenarios:
//
//   a worker's process ends       buried; its policy decides what follows
//   a database is created         a visit finds out whether it has dynpgext
//   a database is dropped         its entries are removed when its processes have gone
//   COMMIT PREPARED               a visit of its database
//   a promotion                   visits everywhere: the server's role decides which workers run
//   a new file of a library       extensions that failed with the old one are tried again
//   slots are full                visits and keepers of hosted libraries come first, then the
//                                 workers that have waited longest
//   a command on a database       stops the processes in its way, and restarts them after it
//   a new file of dynpgext        its successor runs that, see launcher/replacement.h
//   SIGHUP                        settings apply at once, and everything is checked
//   SIGTERM to the launcher       it requests its successor itself
//   the server shuts down         it stays until workers that ignore SIGTERM are gone
//   nothing to launch             it ends, if dynpgext is not preloaded
#pragma once

#include "pg/worker.h"
#include "workers/launch.h"

namespace dynpgext::supervision {

class visits {
 public:
  explicit visits(state::shared &s) : shared_(s) {}
  // Starts as many as may run at once; removes those that have ended.  Returns whether any is in
  // progress or waits for a slot.
  bool advance();
  // Does a database wait for a slot for its visit?
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
  // Until no database waits for a slot: one WARNING, although single visits find slots meanwhile.
  // The root's `starved` is since when no visit has found one.
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
// Marks new databases for a visit, and removes dropped ones with all their entries.  Reads
// pg_database only if it has changed, or must be read for another reason.
class databases_follower {
 public:
  void read_next() { must_read_ = true; }
  void follow(state::shared &s, pg::moment now);

 private:
  bool must_read_ = true;
  pg::moment read_at_{};
};
// Retries failed extensions when the file of their library has changed, or a setting that may have
// been the reason.
void follow_failures(state::shared &s);
// On a standby: marks databases for a visit if their registrations have changed on the primary.
// After a promotion: all of them.
void follow_replay(state::shared &s);
// Marks databases for a visit if their prepared transactions have ended.
void follow_prepared_transactions(state::shared &s);

}  // namespace dynpgext::supervision
