// The one reconciler: compares the registrations (desired) with the present state (live), and
// returns actions.  Every trigger uses it: a commit, a restart, a new database, reload(), the
// launcher's timer.  It is level-triggered: it looks at states, never at past events, so the next
// call makes up for anything that was missed.
#pragma once

#include <string>
#include <vector>

#include "model/wanted_workers.h"

namespace dynpgext::model {

enum class action_kind : std::uint8_t {
  stop,        // worker: no longer wanted; end it and remove it
  replace,     // worker: another definition is wanted; end it, then start it anew.
               // allocation: made anew; the old memory drains
  disable,     // worker: disabled by the DBA; end it, and keep it so
  quarantine,  // worker: by the crash guard; nothing of it runs
  drain,       // allocation: no longer wanted
  provision,   // extension: run its init, for its memory and callbacks
  allocate,    // allocation: has no memory yet (done by its extension's init)
  configure,   // worker: its supervision changes; its process continues
  start,       // worker
  postpone,    // worker: waits until the server is a primary, or a standby, or a restore of its
               // database or the safe mode is over; a running one ends
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
  std::uint64_t ticket = 0;  // of a worker: the start that the decision is about
  bool waits = false;        // of a worker's start: it was tried, and waits for a place
  std::int64_t since = 0;    // of a worker's start: it waits, or has been due; microseconds
  bool operator==(const action &) const = default;
};

struct circumstances {
  bool in_recovery = false;                // then workers for the end of recovery wait
  bool safe_mode = false;                  // then all wait
  bool retry_failed = false;               // reload(): retries failed extensions and workers
  std::uint32_t start_after_recovery = 2;  // the start time "when recovery has finished"
  bool workers_only = false;   // no provisioning will follow: only the present state counts
  std::int64_t time = 0;       // microseconds
  bool replace_stale = false;  // reload(): replaces workers with a changed library file
};

// Does the worker run on this kind of server?
[[nodiscard]] bool runs_here(const worker &w, const circumstances &now);

// The action for one worker; nullopt: none.  Either pointer may be null.
[[nodiscard]] std::optional<action_kind> decide(const wanted_worker *wanted,
                                                const live_worker *live, const circumstances &now);

// Does this allocation have the wanted memory, or another one's, or an older one's? `shared`:
// another database registers the same.
enum class allocation_match : std::uint8_t { missing, same, replaceable, taken };
[[nodiscard]] allocation_match compare(const allocation &wanted, const extension &owner,
                                       database_id database, const live_allocation *live,
                                       bool shared);

// All actions for `database` and for the given global objects, in order of execution. `desired` and
// `live` may leave out objects of other databases, but must be complete for each global object.  A
// worker starts only if its extension is provisioned, or will be by these actions.  The one that
// has waited longest starts first: there may not be a place for all.  Time grows as n log n.
[[nodiscard]] std::vector<action> reconcile(database_id database,
                                            const std::vector<desired_database> &desired,
                                            const live_state &live, const circumstances &now);

}  // namespace dynpgext::model
