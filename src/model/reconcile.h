// The one reconciler: what is registered (desired) against what is there (live), giving what
// to do (actions).  Every trigger goes through it: a commit, a restart, a new database,
// reload(), the launcher's timer.  It is level-triggered: it looks at states, never at what
// happened, so whatever was missed is made good the next time.
#pragma once

#include <string>
#include <vector>

#include "model/registration.h"
#include "model/state.h"

namespace dynpgext::model {

// The registrations of a database, as far as they are wanted in this run of the server.
struct desired_database {
  database_id database = no_database;
  dynpgext::model::registrations registrations;
};

// Memory that exists, other than what is draining.
struct live_allocation {
  database_id home = no_database;  // no_database: global
  std::string name;
  std::string extension;
  std::uint64_t size = 0;
  database_id source = no_database;  // the database whose registration made it
  std::int64_t incarnation = 0;      // of the extension there
};

// What is known of a worker, whether a process of it runs or not.
struct live_worker {
  database_id home = no_database;
  worker definition;  // that runs, or ran last
  std::string version;
  database_id source = no_database;
  std::int64_t incarnation = 0;
  worker_state state = worker_state::registered;
  bool leaving = false;            // told to end; what follows is decided when its process has
  std::uint64_t ticket = 0;        // of its newest start
  worker_terms terms;              // that it is supervised by
  bool at_rest = false;            // runs, but has no process until it is due
  std::int64_t next_start_at = 0;  // in backoff, or at rest; microseconds, as circumstances.time
  bool stale = false;              // the file of its library is no longer the one it runs
};

struct live_extension {
  database_id database = no_database;
  std::string name;
  extension_state state = extension_state::pending;
};

// A worker that the crash guard lets nobody start.  (An extension has a state for that.)
struct quarantined_worker {
  database_id home = no_database;
  std::string extension;
  std::string worker;
};

// A role whose SQL workers it lets nobody start in a database.
struct quarantined_role {
  database_id database = no_database;
  std::uint32_t role = 0;
};

// What keeps a database from running a worker that others want, too.
struct live_database {
  database_id database = no_database;
  bool closed = false;   // nobody of ours may connect: a command has it to itself, or nobody can
  bool trusted = false;  // a superuser owns it
  std::vector<std::string> paused = {};  // extensions that a command is about
};

struct live_state {
  std::vector<live_allocation> allocations = {};
  std::vector<live_worker> workers = {};
  std::vector<live_extension> extensions = {};
  std::vector<quarantined_worker> quarantined = {};
  std::vector<quarantined_role> quarantined_roles = {};
  std::vector<live_database> databases = {};  // one that is missing has nothing of the kind
};

enum class action_kind : std::uint8_t {
  stop,        // worker: is no longer wanted; tell it to end and forget it
  replace,     // worker: another definition is wanted; tell it to end, then start anew.
               // allocation: made anew; what was there drains
  disable,     // worker: the DBA has switched it off; tell it to end, and keep it so
  quarantine,  // worker: the crash guard has; nothing of it runs
  drain,       // allocation: is no longer wanted
  provision,   // extension: run its init, so that its memory and callbacks are there
  allocate,    // allocation: has no memory yet (done by its extension's init)
  configure,   // worker: is supervised in another way from now on; its process goes on
  start,       // worker
  postpone,    // worker: waits until the server is a primary, or a standby, or a restore of its
               // database is over; ends if it runs
};
[[nodiscard]] std::string_view name_of(action_kind kind);

enum class object_kind : std::uint8_t { extension, allocation, worker };
[[nodiscard]] std::string_view name_of(object_kind kind);

struct action {
  action_kind kind = action_kind::provision;
  object_kind object = object_kind::extension;
  database_id home = no_database;
  std::string extension;
  std::string name;
  std::string detail;
  std::uint64_t ticket = 0;  // of a worker: the start that was decided on
  bool waits = false;        // of a worker's start: it has been tried, and waits for a place
  bool operator==(const action &) const = default;
};

// Who wants a worker, and how it is to be.
struct wanted_worker {
  const worker *definition = nullptr;
  const extension *owner = nullptr;
  database_id source = no_database;
  worker_terms terms = {};
  bool quarantined = false;
  bool in_restore = false;  // its database is being restored: it waits for the end of that
};

// The one to run of an identity: its database's, or of a global one the highest version's of
// those whose extension has not failed and is not paused, and whose database is not being restored;
// among equals the one that runs already.  A hosted one is connected to its database, whose owner
// can keep it from running there: none of a closed database where there is another, and of two
// versions that are the same that of a database which a superuser owns.
//
// Its terms are its author's, overridden by what the DBA has set.  For a global worker a setting
// counts in whichever database it was made; where two contradict each other, that of the database
// with the lower OID.
[[nodiscard]] std::vector<wanted_worker>
wanted_workers(const std::vector<desired_database> &desired, const live_state &live);

struct circumstances {
  bool in_recovery = false;   // then workers for the end of recovery wait
  bool retry_failed = false;  // reload(): failed extensions and workers get another try
  std::uint32_t start_after_recovery = 2;  // the start time that means "when recovery has finished"
  bool workers_only = false;   // nothing is going to be provisioned: only what is counts
  std::int64_t time = 0;       // microseconds
  bool replace_stale = false;  // reload(): workers whose library's file has changed are replaced
};

// Is this a server that it runs on?
[[nodiscard]] bool runs_here(const worker &w, const circumstances &now);

// What is to be done with one worker; nullopt: nothing.  Either pointer may be null.
[[nodiscard]] std::optional<action_kind> decide(const wanted_worker *wanted,
                                                const live_worker *live, const circumstances &now);

// Does this allocation have the wanted memory, or another's, or an older one's?  `shared`: another
// database registers the same.
enum class allocation_match : std::uint8_t { missing, same, replaceable, taken };
[[nodiscard]] allocation_match compare(const allocation &wanted, const extension &owner,
                                       database_id database, const live_allocation *live,
                                       bool shared);

// Stands for all databases at once: then workers and what is no longer registered are
// reconciled, but nothing is provisioned, which takes a process in its database.
inline constexpr database_id every_database = ~database_id{0};

// All actions for `database` and for the global objects that are given, in the order to carry them
// out.  `desired` and `live` may leave out what is not about `database`, but not a part of what is
// about a global object.  A worker starts only when its extension is provisioned, or is to be by
// these actions.  The time that it takes grows with what is given, and its logarithm.
[[nodiscard]] std::vector<action> reconcile(database_id database,
                                            const std::vector<desired_database> &desired,
                                            const live_state &live, const circumstances &now);

// What CREATE, ALTER and DROP EXTENSION have done, found by comparing pg_extension with the
// registered extensions.
struct installed_extension {
  std::string name;
  std::string version;
  bool changed = false;  // by this transaction
};
enum class change_kind : std::uint8_t { added, updated, removed };
struct extension_change {
  change_kind kind = change_kind::added;
  std::string name;
  std::string version;  // the new one; of a removed extension the old one
};
// With `only_changed`, installed extensions that are not registered count only when this
// transaction wrote them: the others have been looked at before.
[[nodiscard]] std::vector<extension_change>
compare_installed(const std::vector<installed_extension> &installed,
                  const std::vector<extension> &registered, bool only_changed);

}  // namespace dynpgext::model
