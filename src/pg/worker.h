// The server's background workers.
#pragma once

#include "pg/border.h"
#include "pg/process.h"
#include "pg/wait_event.h"

namespace dynpgext::pg {

// The postmaster's data about a worker that runs a function of this library.
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

// Requests a process from the postmaster; false if no slot is free. `handle` is allocated for the
// life of this process.
[[nodiscard]] bool start_process(const worker_request &request,
                                 BackgroundWorkerHandle **handle = nullptr);
// The same from shared_preload_libraries.
void start_process_at_boot(const worker_request &request);

// Has the process with this handle ended (or will it never start)?  Frees nothing.
[[nodiscard]] bool has_stopped(BackgroundWorkerHandle *handle);
// Its pid; 0 if it has not started, or has ended.
[[nodiscard]] pid_t process_of(BackgroundWorkerHandle *handle);

void free_handle(BackgroundWorkerHandle *handle);

// Waits for this process's latch, an interrupt or the timeout (negative: none); the process exits
// when the postmaster dies.  Returns whether it was the latch.
bool wait_for_latch(long milliseconds, wait what);

// For a loop that may be long, without a lock of ours: commands such as DROP DATABASE wait until
// every process has served its interrupts.
void serve_interrupts();

// Sets application_name for pg_stat_activity when this process connects, unless the configuration,
// the database or the role sets one.
void name_application(const std::string &name);
// Sets its state there, outside of transactions; the last reported query stays.
void report_idle();
void report_busy();

// Records SIGHUP for reload_configuration_if_asked().
void note_reload_requests();

// For a loop of our own: records SIGTERM and SIGHUP, which it checks between its steps.
void handle_signals_politely();
[[nodiscard]] bool asked_to_exit();
// Has the postmaster sent the SIGTERM, as it does when the server shuts down?
[[nodiscard]] bool is_server_ending();
bool reload_configuration_if_asked();  // returns whether it was

}  // namespace dynpgext::pg
