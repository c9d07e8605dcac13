// SQL runners: one process for each database and role runs the commands of all SQL workers with
// this role there, so that a hundred workers do not need a hundred slots.  A worker with "process":
// "own" has its own runner: it delays no other worker, and the end of its process ends no other.
//
// Each worker has its own entry and states; only the process is shared.  To start a worker, a
// process claims its start as usual, and then requests the runner instead of a process.  The runner
// takes workers that are starting, and ends those signalled to end.  It ends itself when it serves
// no worker, and also when none of its workers is due soon.  Its workers are then *at rest*: they
// count as running, without a process, and the launcher starts them again when they are due.
#pragma once

#include <map>
#include <span>

#include "pg/transaction.h"
#include "shared/runners.h"
#include "workers/delays.h"
#include "workers/entry.h"
#include "workers/workers.h"

namespace dynpgext::state {

// Wakes the runner for a worker whose start has been claimed, or requests one from the postmaster.
// False if no slot was free.  `no_slots`: none is known to be free.
[[nodiscard]] bool ask_for_runner(shared &s, const runner_key &key, const worker_identity &id,
                                  bool no_slots);
inline constexpr const char *runner_entry_point = "dynpgext_sql_runner_main";

// Passed to its process in bgw_extra.
struct runner_message {
  uint64 ticket;
  runner_key key;
};

// Removes the entries of runners that have gone.  Exclusive lock.
void bury_runners(const shared &s);

// --- called in the runner's process ---
// Takes office.  False if another runner is in office, or none is wanted any more.
[[nodiscard]] bool become_runner(shared &s, const runner_message &message);
// Takes all starting workers of this runner; returns those that are new to it.
[[nodiscard]] std::vector<worker_start> take_starts(shared &s, const runner_key &key);
// The worker's run_interval, see worker_entry; nothing if this runner no longer serves the worker,
// which may have been ended at any time.
[[nodiscard]] std::optional<int64> served_interval(const shared &s, const worker_start &w);
// The worker cannot be served.  `for_good`: no automatic restart, whatever its policy.
void refuse(shared &s, const worker_start &w, const message_text &error, bool for_good = false);

// Stores when it is due, for the views and for the search for delayed commands.
void note_due(shared &s, const worker_start &w, pg::moment at);
// The same, after a change of its interval.
void note_rescheduled(shared &s, const worker_start &w, pg::moment at, int64 run_interval);

// A worker that is due because of a notification, or because a session waits for its run.
struct notified_start {
  const worker_start *start;
  pg::moment since;
};
// Its command begins.  nullptr if it is not served any more.  Until end_command() the entry is not
// removed: stopping the worker only signals it to end.  `others`: workers notified since the last
// run began, which the runner cannot report during this run.
[[nodiscard]] worker_entry *begin_command(shared &s, const runner_key &key, const worker_start &w,
                                          std::span<const notified_start> others);
struct command_run {
  TimestampTz began_at = 0;
  int64 duration = 0;  // microseconds
  pg::moment next_at{};
  const message_text *error = nullptr;  // of a failed run
  const pg::failure *why = nullptr;     // the same, for sessions that wait for the run
  pg::duration delay_limit{};           // dynpgext.delay_warning
};
// The run has not begun, and its requests wait for the next one.  Returns whether the worker
// continues.
bool put_off_command(shared &s, const runner_key &key, worker_entry &entry);
struct ended_command {
  bool goes_on = false;
  held_up delayed = {};  // workers delayed by the run, if that is to be logged
};
// The run has ended, or was cancelled (nullopt).
[[nodiscard]] ended_command end_command(shared &s, const runner_key &key, worker_entry &entry,
                                        const std::optional<command_run> &run);

// Leaves office if there is no worker to serve; then the process must end.
[[nodiscard]] bool retire(shared &s, const runner_key &key);
// The same if all its workers only wait for their next interval: they are at rest from now on.
// `at_once`: they continue in another process right away.  `due`, by ticket: since when a worker is
// due, or when it will be; the next process keeps this time, so that a worker that has waited long
// does not lose its turn.
using due_starts = std::map<uint64, pg::moment>;
[[nodiscard]] bool rest(shared &s, const runner_key &key, const due_starts &due,
                        bool at_once = false);
// The process ends.  If a worker's command was running, only this worker has failed, and the others
// continue in the next process.  Otherwise all workers that it served, or had to serve, have ended
// with it.
void report_runner_exit(shared &s, const runner_key &key, int code,
                        const message_text &error) noexcept;

}  // namespace dynpgext::state
