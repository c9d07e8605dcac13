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
// Is its process there?
[[nodiscard]] bool has_live_runner(const shared &s, Oid database);
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
// One that it serves.  The entry stays where it is until its end is reported.
struct served_worker {
  worker_start start;
  worker_entry *entry = nullptr;
};
// Whatever is starting in its database is served from now on.
[[nodiscard]] std::vector<served_worker> take_starts(shared &s, Oid database);
// Has somebody told it to end?  Without the lock.
[[nodiscard]] bool is_told_to_end(const served_worker &w);
// It is not served any more.
void end_served(shared &s, const served_worker &w, int code, const message_text &error);
// A run of its command that has ended.
struct command_run {
  TimestampTz began_at = 0;
  int64 duration = 0;                   // microseconds
  const message_text *error = nullptr;  // of one that has failed
  TimestampTz next_at = 0;
};
void report_run(shared &s, const served_worker &w, const command_run &run);
[[nodiscard]] bool is_failing(const served_worker &w);
// Leaves office when there is nobody to serve; then the process must end.
[[nodiscard]] bool retire(shared &s, Oid database);
// The process ends: so do all that it serves, or was to serve.
void report_runner_exit(shared &s, Oid database, int code, const message_text &error) noexcept;

}  // namespace dynpgext::state
