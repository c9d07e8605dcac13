// Processes of the operating system.
#pragma once

#include "pg/clock.h"

namespace dynpgext::pg {

// Distinguishes a process from a later one with the same pid; 0 if unknown.
[[nodiscard]] uint64 process_birth(pid_t pid);

// When it started, within a hundredth of a second; none if unknown.  Too early if the host has been
// suspended since.
[[nodiscard]] moment process_start(pid_t pid) noexcept;

// Does a process with this pid exist, and is it that one?  A birth of 0 matches any.
[[nodiscard]] bool process_exists(pid_t pid, uint64 birth = 0);

// Is it a server process that waits for a lock on a table, a database or similar?
[[nodiscard]] bool waits_for_lock(pid_t pid);

// SIGTERM; no effect if the process is gone.
void terminate_process(pid_t pid);

// SIGINT, likewise: cancels its command.
void cancel_process(pid_t pid);

// SIGUSR2, likewise: for a process with a handler for it.
void nudge_process(pid_t pid);

}  // namespace dynpgext::pg
