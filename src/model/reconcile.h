// The one reconciler: what is registered (desired) against what is there (live), giving what
// to do (actions).  Every trigger goes through it: a commit, a restart, a new database,
// reload(), the launcher's timer.  It is level-triggered: it looks at states, never at what
// happened, so whatever was missed is made good the next time.
#pragma once

#include <string>
#include <vector>

#include "model/wanted_workers.h"

namespace dynpgext::model {

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
               // database or the safe mode is over; ends if it runs
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

struct circumstances {
  bool in_recovery = false;   // then workers for the end of recovery wait
  bool safe_mode = false;     // then all do
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

// All actions for `database` and for the global objects that are given, in the order to carry them
// out.  `desired` and `live` may leave out what is not about `database`, but not a part of what is
// about a global object.  A worker starts only when its extension is provisioned, or is to be by
// these actions.  The time that it takes grows with what is given, and its logarithm.
[[nodiscard]] std::vector<action> reconcile(database_id database,
                                            const std::vector<desired_database> &desired,
                                            const live_state &live, const circumstances &now);

}  // namespace dynpgext::model
