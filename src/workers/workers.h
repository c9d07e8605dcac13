// What is known of each worker, and its way from state to state.  Who runs a worker claims
// its start first; the claim, under the lock, is what makes a second process impossible.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "pg/wait_event.h"
#include "shared/globals.h"
#include "shared/root.h"
#include "workers/entry.h"

namespace dynpgext::state {

// As the reconciler sees them.
[[nodiscard]] std::vector<model::live_worker> live_workers(std::span<const worker_copy> copies);
// Caller holds root.lock.
[[nodiscard]] std::vector<model::live_database> live_databases(const shared &s,
                                                               std::span<const Oid> databases);

// Makes room for a worker of the extension of this version that is to be started later, so that
// the start needs no memory.
void prepare_worker(shared &s, const worker_identity &id, const model::worker &definition,
                    const std::string &version);
// Takes back what prepare_worker() made and nobody used.
void forget_prepared(shared &s, const worker_identity &id) noexcept;

// What a claimed start is to run.
struct worker_start {
  worker_identity id;
  model::worker definition;
  uint64 ticket = 0;
  bool was_waiting = false;
  bool resumes = false;                     // after it was at rest
  waiting_for full = waiting_for::nothing;  // what leaves no place for it
  pg::moment resume_at{};                   // as in its entry
  int64 run_interval = 0;                   // the same
  pg::moment began{};                       // its last run; none: it has not run
  bool rescheduled = false;  // another interval was set since resume_at was decided on
  Oid list = InvalidOid;     // of its entry
};

// Claims the start of what is wanted; nothing when it is not startable (any more): it runs
// already, another process has claimed it, or its last process is still there.
[[nodiscard]] std::optional<worker_start> claim_start(shared &s, const worker_identity &id,
                                                      const model::wanted_worker &wanted);
// The same ahead of the commit that makes the worker wanted: only for one that nothing is known
// of.  Its process waits, and nobody else sees it, until it is let go or called off.
[[nodiscard]] std::optional<worker_start> claim_ahead(shared &s, const worker_identity &id,
                                                      const model::wanted_worker &wanted);
void let_go(shared &s, const worker_start &start);
void call_off(shared &s, const worker_start &start) noexcept;
// The claim is given up before anybody was asked for a process.
void give_back(shared &s, const worker_start &start) noexcept;
// It waits for a place, and there is still none, for the same reason: claiming its start would
// change nothing.  `no_slots`: it is known that the server has none.
[[nodiscard]] bool waits_in_vain(const shared &s, const worker_identity &id,
                                 const model::wanted_worker &wanted, bool no_slots);
// No process came of the claim.  `crowded_out`: this process is one that was sent to start it.
void report_no_slot(shared &s, const worker_start &start, bool crowded_out);
// Is there no place for it, by our own limits, or a command on its database?
[[nodiscard]] bool is_held(const shared &s, const worker_identity &id);
// The process sent to start it took the last free slot itself?
[[nodiscard]] bool is_crowded_out(const shared &s, const worker_identity &id);

// Global workers that run for a database that no longer registers them, but are wanted by
// another one just so, run for that one now.  Exclusive lock.
void settle_workers(const shared &s, const global_names &names);
// The worker is wanted but waits (for the end of recovery).
void postpone(shared &s, const worker_identity &id, const model::wanted_worker &wanted);
// Is supervised as wanted from now on; a restart that is due no longer is called off, and one
// that is due now is arranged.
void configure(shared &s, const worker_identity &id, const model::wanted_worker &wanted);
// It is not to run (`why`: after_end::disable or quarantine): told to end if it does.
void set_aside(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
               after_end why);

// Tells a worker to end.  Returns whether there was anything to stop.  With a ticket, only the
// start with that one is stopped: a newer start has been decided on by somebody who knew more.
bool stop(shared &s, const worker_identity &id, after_end then,
          std::optional<uint64> ticket = std::nullopt);

// The same for one that is registered as `wanted`, whatever else was to follow its end: it may be
// on the way out for an update, or because it was not registered for a moment.
bool stop_wanted(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
                 after_end then);

// --- called in the worker's process ---
// What its process knows of a start.
struct start_reference {
  uint64 ticket;
  Oid home;
  Oid list;  // of its entry, when it was claimed
  std::string_view extension;
};
// Reports that the process of a start is there.  Nothing when it must not run (any more).
[[nodiscard]] std::optional<worker_start> come_up(shared &s, const start_reference &start);
// Which file its library is about to be loaded from.
void note_file(shared &s, const worker_identity &id, uint64 ticket, const std::string &file);
// The file that the worker's process has loaded its library from, and which one that was.
struct loaded_library {
  std::string file;  // empty: not known
  pg::file_identity identity;
  pg::library_build own;          // of dynpgext's library, which it runs, too
  pg::library_build of_launcher;  // the same
};
[[nodiscard]] std::optional<loaded_library> loaded_file(const shared &s, const worker_identity &id);
// Caller holds root.lock.
[[nodiscard]] std::optional<loaded_library> loaded_file(const shared &s, const worker_entry &entry);
// Is another file of one of them there by now?
[[nodiscard]] bool is_stale(const loaded_library &library);

// Where it stores its heartbeats (pg::write_moment()), for as long as the process
// lives, its deadline in milliseconds, and where it says that it has a barrier to serve.
struct pulse {
  pg_atomic_uint64 *heartbeat;
  int64 deadline;
  pg_atomic_uint32 *barrier;
};
// Has dynpgext told this process's worker to end, and not because it had fallen silent?  Without
// the lock.
[[nodiscard]] bool am_told_to_end() noexcept;
// From come_up() on; nullptr where this process is no worker.
[[nodiscard]] const pulse *my_pulse();
// Reports its end.  Wakes the launcher.
void report_exit(shared &s, const worker_identity &id, uint64 ticket, int code,
                 const message_text &error) noexcept;

// --- called by the launcher ---
// Forgets processes that have ended, and starts that nothing came of, of a list of workers.
struct burial {
  bool dying = false;   // some process has reported its end and is not gone yet
  bool buried = false;  // some process has gone: its slot is free in a moment
};
[[nodiscard]] burial bury(shared &s, Oid list);
// Marks the databases whose workers have lost their process without a word.
void look_for_lost_processes(shared &s);

// A worker's state and pid, if it is known.
struct worker_status {
  model::worker_state state;
  pid_t pid;
  uint64 pid_birth;
  std::string error;
};
[[nodiscard]] std::optional<worker_status> status_of(const shared &s, const worker_identity &id);
// Is a process of it there, or may one come up at any moment?
[[nodiscard]] bool has_process(const worker_status &status);

// Waits until the predicate holds for the worker's status, `milliseconds` at most; false
// then.  Interruptible.
template <class F>
bool wait_for_worker(shared &s, const worker_identity &id, long milliseconds, F &&holds) {
  const pg::moment end = pg::moment::now() + std::chrono::milliseconds(milliseconds);
  const uint32 event = pg::wait_event(pg::wait::worker_state);
  for (;;) {
    if (holds(status_of(s, id))) return true;
    const long left = pg::milliseconds_until(end);
    if (left <= 0) return false;
    pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    const bool done = holds(status_of(s, id));
    pg::call([&s, done, left, event] {
      if (!done) (void)ConditionVariableTimedSleep(&s.root->changed, std::min(left, 100L), event);
      ConditionVariableCancelSleep();
    });
  }
}

}  // namespace dynpgext::state
