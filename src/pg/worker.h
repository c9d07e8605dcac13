// Background workers of the server.
#pragma once

#include "pg/border.h"
#include "pg/process.h"
#include "pg/wait_event.h"

namespace dynpgext::pg {

// What the postmaster needs to know of a worker that is to run a function of this library.
struct worker_request {
  const char *name;
  const char *type;
  const char *function;  // of dynpgext's library: `void function(Datum)`
  Datum argument = 0;
  int flags = BGWORKER_SHMEM_ACCESS;
  BgWorkerStartTime start = BgWorkerStart_ConsistentState;
  int restart_seconds = BGW_NEVER_RESTART;
  pid_t notify = 0;
  std::span<const char> extra = {};
};

// Asks the postmaster for a process; false when no slot is free.  With `handle`, it is
// allocated to live as long as this process.
[[nodiscard]] bool start_process(const worker_request &request,
                                 BackgroundWorkerHandle **handle = nullptr);
// The same from shared_preload_libraries.
void start_process_at_boot(const worker_request &request);

// Has the process with this handle ended (or will never start)?  Frees nothing.
[[nodiscard]] bool has_stopped(BackgroundWorkerHandle *handle);
// Its pid; 0 where it has not started, or has ended.
[[nodiscard]] pid_t process_of(BackgroundWorkerHandle *handle);

void free_handle(BackgroundWorkerHandle *handle);

// Waits for this process's latch, an interrupt or the timeout (negative: none); the process exits
// when the postmaster dies.  Was it the latch?
bool wait_for_latch(long milliseconds, wait what);

// For a loop that may be long, without a lock of ours: commands such as DROP DATABASE wait until
// every process has served its interrupts.
void serve_interrupts();

// What pg_stat_activity shows as application_name from when this process connects, unless the
// configuration, the database or the role has one.
void name_application(const std::string &name);
// And as state, outside of transactions; the query that was reported last stays.
void report_idle();
void report_busy();

// SIGHUP is noted, and reload_configuration_if_asked() follows it.
void note_reload_requests();

// For a loop of our own: SIGTERM and SIGHUP are noted, and looked at between its steps.
void handle_signals_politely();
[[nodiscard]] bool asked_to_exit();
// Has the postmaster asked, which it does when the server shuts down?
[[nodiscard]] bool is_server_ending();
bool reload_configuration_if_asked();  // was it?

}  // namespace dynpgext::pg
