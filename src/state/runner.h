// The SQL runner of a database: one process that runs the commands of all its SQL workers, so that
// a hundred of them do not take a hundred slots.
//
// Each of them has an entry and a life of its own, like any worker; only the process is shared. Who
// starts one claims its start as always, and then asks for the runner instead of a process.  The
// runner takes what is starting, and ends what is told to end; it itself ends when it serves
// nobody.
#pragma once

#include "state/worker_entry.h"

namespace dynpgext::state {

// Is one there, or on its way?  Caller holds root.lock.
[[nodiscard]] bool has_runner(const database_entry &database);
// Its process; 0 where there is none.
[[nodiscard]] pid_t live_runner(const shared &s, Oid database);
// Wakes the database's runner, or asks the postmaster for one; false when no slot was free.
// `no_slots`: it is known that none is.
[[nodiscard]] bool ask_for_runner(shared &s, Oid database, bool no_slots);
inline constexpr const char *runner_entry_point = "dynpgext_sql_runner_main";

// What goes to its process, in bgw_extra; the database is its argument.
struct runner_message {
  uint64 ticket;
};

// Forgets runners that are gone.  Exclusive lock.
void bury_runners(const shared &s);

// --- called in the runner's process ---
// Becomes the database's; false when it has one, or nobody wants one any more.
[[nodiscard]] bool become_runner(shared &s, Oid database, uint64 ticket);
// Whatever is starting in its database is its own from now on; those that it does not know yet.
[[nodiscard]] std::vector<worker_start> take_starts(shared &s, Oid database);
// Is it served still?  Whoever has ended it need not have waited for this process.
[[nodiscard]] bool is_served(const shared &s, const worker_start &w);
// It cannot be served; `for_good`: whatever its policy says, it is not restarted by itself.
void refuse(shared &s, const worker_start &w, const message_text &error, bool for_good = false);

// Its command begins.  Nothing when it is not served any more; until end_command() the entry stays
// where it is, and is told to end instead of being ended.
[[nodiscard]] worker_entry *begin_command(shared &s, const worker_start &w);
struct command_run {
  TimestampTz began_at = 0;
  int64 duration = 0;  // microseconds
  pg::moment next_at{};
  const message_text *error = nullptr;  // of one that has failed
};
// Its run has ended, or (nothing) was called off.  Returns whether it goes on.
bool end_command(shared &s, worker_entry &entry, const std::optional<command_run> &run);

// Leaves office when there is nobody to serve; then the process must end.
[[nodiscard]] bool retire(shared &s, Oid database);
// The process ends.  Where a command of a worker was under way, that worker alone has failed, and
// all others go on in the next process.  Otherwise all that it serves, or was to serve, have ended
// with it.
void report_runner_exit(shared &s, Oid database, int code, const message_text &error) noexcept;

}  // namespace dynpgext::state
