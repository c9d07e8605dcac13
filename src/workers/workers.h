// The known state of each worker, and its changes.  To start a worker, a process claims its start
// first.  The claim, made under the lock, makes a second process impossible.
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

// The workers in the form that the reconciler reads.
[[nodiscard]] std::vector<model::live_worker> live_workers(std::span<const worker_copy> copies);
// Caller holds root.lock.
[[nodiscard]] std::vector<model::live_database> live_databases(const shared &s,
                                                               std::span<const Oid> databases);

// Reserves memory for a worker of this version of the extension, so that its later start needs
// none.
void prepare_worker(shared &s, const worker_identity &id, const model::worker &definition,
                    const std::string &version);
// Frees what prepare_worker() has reserved, if unused.
void forget_prepared(shared &s, const worker_identity &id) noexcept;

// A claimed start.
struct worker_start {
  worker_identity id;
  model::worker definition;
  uint64 ticket = 0;
  bool was_waiting = false;
  bool resumes = false;                     // from being at rest
  waiting_for full = waiting_for::nothing;  // the limit that leaves no place for it
  pg::moment resume_at{};                   // as in its entry
  int64 run_interval = 0;                   // the same
  pg::moment began{};                       // its last run; none: it has not run
  bool rescheduled = false;                 // the interval has changed since resume_at was set
  Oid list = InvalidOid;                    // of its entry
};

// Claims the start of a wanted worker.  Nothing if it cannot start (any more): it already runs,
// another process has claimed it, or its last process still exists.  `decided_on`: the ticket on
// which the start was decided (0: none); with another one now, the launcher decides again.
[[nodiscard]] std::optional<worker_start>
claim_start(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
            const std::optional<uint64> &decided_on = std::nullopt);
// The same ahead of the commit that makes the worker wanted, only for a worker without any state.
// Its process waits, invisible to others, until let_go() or call_off().
[[nodiscard]] std::optional<worker_start> claim_ahead(shared &s, const worker_identity &id,
                                                      const model::wanted_worker &wanted);
void let_go(shared &s, const worker_start &start);
void call_off(shared &s, const worker_start &start) noexcept;
// Gives up the claim before any process was requested.
void give_back(shared &s, const worker_start &start) noexcept;
// The worker waits for a place, and there is still none, for the same reason: claiming its start
// would change nothing.  `no_slots`: the server is known to have none.
[[nodiscard]] bool waits_in_vain(const shared &s, const worker_identity &id,
                                 const model::wanted_worker &wanted, bool no_slots);
// The claim has produced no process.  `crowded_out`: this process was sent to start the worker.
void report_no_slot(shared &s, const worker_start &start, bool crowded_out);
// Is its start prevented by our own limits, or by a command on its database?
[[nodiscard]] bool is_held(const shared &s, const worker_identity &id);
// Has the visit sent to start it taken the last free slot itself?
[[nodiscard]] bool is_crowded_out(const shared &s, const worker_identity &id);

// A global worker may run for a database that no longer registers it.  If another database
// registers it identically, it runs for that database from now on.  Exclusive lock.
void settle_workers(const shared &s, const global_names &names);
// Marks a wanted worker as waiting, not for a place: for example for the end of recovery.
void postpone(shared &s, const worker_identity &id, const model::wanted_worker &wanted);
// Applies new terms of supervision.  Cancels a restart that is no longer due, and schedules one
// that is due now.
void configure(shared &s, const worker_identity &id, const model::wanted_worker &wanted);
// The worker must not run (`why`: after_end::disable or quarantine): signals it to end if it runs.
void set_aside(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
               after_end why);

// Signals a worker to end.  Returns whether there was anything to stop.  With a ticket, only stops
// that start: a newer start was decided with newer information.
bool stop(shared &s, const worker_identity &id, after_end then,
          std::optional<uint64> ticket = std::nullopt);

// The same for a worker registered as `wanted`, whatever was to follow its end: it may be stopping
// for an update, or because it was not registered for a moment.
bool stop_wanted(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
                 after_end then);

// --- called in the worker's process ---
// The reference to a start that its process gets.
struct start_reference {
  uint64 ticket;
  Oid home;
  Oid list;  // of its entry, when it was claimed
  std::string_view extension;
};
// Reports that the process of a start has started.  Nothing if it must not run (any more).
[[nodiscard]] std::optional<worker_start> come_up(shared &s, const start_reference &start);
// Stores the file from which its library is about to be loaded.
void note_file(shared &s, const worker_identity &id, uint64 ticket, const std::string &file);
// The file from which the worker's process has loaded its library, and the identity of that file.
struct loaded_library {
  std::string file;  // empty: unknown
  pg::file_identity identity;
  pg::library_build own;          // of dynpgext's library in the process
  pg::library_build of_launcher;  // of dynpgext's library in the launcher
};
[[nodiscard]] std::optional<loaded_library> loaded_file(const shared &s, const worker_identity &id);
// Caller holds root.lock.
[[nodiscard]] std::optional<loaded_library> loaded_file(const shared &s, const worker_entry &entry);
// Has one of these files been replaced since?
[[nodiscard]] bool is_stale(const loaded_library &library);

// Where the process stores its heartbeats (pg::write_moment()), as long as it lives; its deadline
// in milliseconds; and where it reports a pending barrier.
struct pulse {
  pg_atomic_uint64 *heartbeat;
  int64 deadline;
  pg_atomic_uint32 *barrier;
};
// Has dynpgext signalled this process's worker to end, for another reason than a missed deadline?
// Without the lock.
[[nodiscard]] bool am_told_to_end() noexcept;
// Available from come_up() on; nullptr if this process is not a worker.
[[nodiscard]] const pulse *my_pulse();
// Reports its end.  Wakes the launcher.
void report_exit(shared &s, const worker_identity &id, uint64 ticket, int code,
                 const message_text &error) noexcept;

// --- called by the launcher ---
// Removes processes that have ended, and lost starts, for a list of workers.
struct burial {
  bool dying = false;   // a process has reported its end but still exists
  bool buried = false;  // a process has gone: its slot will be free in a moment
};
[[nodiscard]] burial bury(shared &s, Oid list);
// Marks databases whose workers have lost their process without a report.
void look_for_lost_processes(shared &s);

// The state and pid of a known worker.
struct worker_status {
  model::worker_state state;
  pid_t pid;
  uint64 pid_birth;
  std::string error;
};
[[nodiscard]] std::optional<worker_status> status_of(const shared &s, const worker_identity &id);
// Does its process exist, or may one start at any moment?
[[nodiscard]] bool has_process(const worker_status &status);

// Waits until the predicate holds for the worker's status, up to `milliseconds`; false if it does
// not.  Interruptible.
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
