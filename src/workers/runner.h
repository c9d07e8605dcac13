// SQL runners: one process for each database and role, which runs the commands of all SQL workers
// that have this role there, so that a hundred of them do not take a hundred slots.  A worker with
// "process": "own" has a runner to itself: it delays nobody, and an end of the process ends nobody
// else's.
//
// Each worker has an entry and a life of its own; only the process is shared.  Who starts one
// claims its start as always, and then asks for the runner instead of a process.  The runner takes
// what is starting, and ends what is told to end.  It itself ends when it serves nobody, and also
// when none of its workers is due soon: they are *at rest* then, running without a process, and the
// launcher starts them again when they are due.
#pragma once

#include <map>
#include <span>

#include "pg/transaction.h"
#include "shared/runners.h"
#include "workers/delays.h"
#include "workers/entry.h"
#include "workers/workers.h"

namespace dynpgext::state {

// Wakes the runner for a worker whose start has been claimed, or asks the postmaster for one; false
// when no slot was free.  `no_slots`: it is known that none is.
[[nodiscard]] bool ask_for_runner(shared &s, const runner_key &key, const worker_identity &id,
                                  bool no_slots);
inline constexpr const char *runner_entry_point = "dynpgext_sql_runner_main";

// What goes to its process, in bgw_extra.
struct runner_message {
  uint64 ticket;
  runner_key key;
};

// Forgets runners that are gone.  Exclusive lock.
void bury_runners(const shared &s);

// --- called in the runner's process ---
// Takes office; false when another is in it, or nobody wants one any more.
[[nodiscard]] bool become_runner(shared &s, const runner_message &message);
// Whatever is starting for it is its own from now on; those that it does not know yet.
[[nodiscard]] std::vector<worker_start> take_starts(shared &s, const runner_key &key);
// The interval that is set for it, see worker_entry; nothing if it is not served any more: whoever
// has ended it need not have waited for this process.
[[nodiscard]] std::optional<int64> served_interval(const shared &s, const worker_start &w);
// It cannot be served; `for_good`: whatever its policy says, it is not restarted by itself.
void refuse(shared &s, const worker_start &w, const message_text &error, bool for_good = false);

// When it is due, for the views and for whoever looks which commands wait.
void note_due(shared &s, const worker_start &w, pg::moment at);
// The same, by the interval that is set for it by now.
void note_rescheduled(shared &s, const worker_start &w, pg::moment at, int64 run_interval);

// A worker that is due because of a notification, or because a session waits for its run.
struct notified_start {
  const worker_start *start;
  pg::moment since;
};
// Its command begins.  Nothing when it is not served any more; until end_command() the entry stays
// where it is, and is told to end instead of being ended.  `others`: workers
// notified since the last run began, which the runner cannot tell anybody during this run.
[[nodiscard]] worker_entry *begin_command(shared &s, const runner_key &key, const worker_start &w,
                                          std::span<const notified_start> others);
struct command_run {
  TimestampTz began_at = 0;
  int64 duration = 0;  // microseconds
  pg::moment next_at{};
  const message_text *error = nullptr;  // of one that has failed
  const pg::failure *why = nullptr;     // the same, for those who wait for it
  pg::duration delay_limit{};           // dynpgext.delay_warning
};
// It has not begun to run, and is asked for as before.  Returns whether it goes on.
bool put_off_command(shared &s, const runner_key &key, worker_entry &entry);
struct ended_command {
  bool goes_on = false;
  held_up delayed = {};  // workers delayed by the run, if that is to be logged
};
// Its run has ended, or (nothing) was called off.
[[nodiscard]] ended_command end_command(shared &s, const runner_key &key, worker_entry &entry,
                                        const std::optional<command_run> &run);

// Leaves office when there is nobody to serve; then the process must end.
[[nodiscard]] bool retire(shared &s, const runner_key &key);
// The same when none of those that it serves has anything to do before it is due by its interval:
// they are at rest.  `at_once`: they go on in another process right away.  `due`, by the ticket of
// a start: since when it is due, or when it will be, which that process goes by: whoever has waited
// for long does not lose its turn.
using due_starts = std::map<uint64, pg::moment>;
[[nodiscard]] bool rest(shared &s, const runner_key &key, const due_starts &due,
                        bool at_once = false);
// The process ends.  Where a command of a worker was under way, that worker alone has failed, and
// all others go on in the next process.  Otherwise all that it serves, or was to serve, have ended
// with it.
void report_runner_exit(shared &s, const runner_key &key, int code,
                        const message_text &error) noexcept;

}  // namespace dynpgext::state
