// Processes of the operating system.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// A number that differs between a process and a later one with the same pid; 0 where the
// system does not tell.
[[nodiscard]] uint64 process_birth(pid_t pid);

// Is there a process of this pid, and is it that one?  A birth of 0 fits any.
[[nodiscard]] bool process_exists(pid_t pid, uint64 birth = 0);

// Is it a process of the server's that waits for a lock on a table, a database or the like?
[[nodiscard]] bool waits_for_lock(pid_t pid);

// SIGTERM; nothing where the process is gone.
void terminate_process(pid_t pid);

// SIGINT, likewise: it is to cancel the command that it runs.
void cancel_process(pid_t pid);

// SIGUSR2, likewise: to a process that has a handler for it.
void nudge_process(pid_t pid);

}  // namespace dynpgext::pg
