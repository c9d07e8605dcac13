// SIGTERM in background workers, and the signal for those that ignore it.
//
// The server's default handler for them ends the process at once, at any point.  A process that
// dies in malloc corrupts its memory during the exit, and causes a crash-restart; one that dies
// while it waits for an LWLock stays in the lock's queue, and the others wait forever.  Both were
// observed within seconds when workers were stopped just after their start.
//
// An author may ignore SIGTERM, or leave signals blocked as they are at the start of the process.
// Such a process is ended by SIGCONT, sent with a value that no one else sends.  The server never
// blocks SIGCONT (BlockSig does not include it), authors have no use for it, and without its
// handler it does no harm.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Replaces the server's default: requests the end, as in a session, at the next
// CHECK_FOR_INTERRUPTS(), and sets the latch.  A process that does not reach one within a second is
// ended where it is, as by the default handler, unless it holds interrupts or is within a
// termination_shield; then it has another second.  An author's own handler replaces it.
void install_safe_termination();

// Makes this process react to insist_on_end(); install_safe_termination() includes it.
void install_last_resort();
// For a process that does not end on SIGTERM: the effect of SIGTERM with the handler of
// install_safe_termination(), whatever its code has done to SIGTERM.  No effect if the process
// holds interrupts, or has blocked all signals itself.
void insist_on_end(pid_t pid) noexcept;

// For stops that we have requested: if `was_told()`, the FATAL 57P01 that ends this process becomes
// a normal end, with status 0 and no log message.  It is called without a lock, at any place that
// serves interrupts.  Once in a process.
void end_well_when_told(bool (*was_told)() noexcept);

// The server's handler for sessions: the end comes at the next CHECK_FOR_INTERRUPTS().
void install_session_termination();
// Has SIGTERM been received?
[[nodiscard]] bool was_told_to_end() noexcept;

// In a signal handler: may the process end where it is?  Then only SIGQUIT and faults may interrupt
// it, as in the server's own handlers: a process that hangs in its exit ends with the server.
[[nodiscard]] bool may_end_here() noexcept;
void block_all_signals() noexcept;

// Prevents the end of the process in the middle of our code, for a scope.
class termination_shield {
 public:
  termination_shield() noexcept;
  termination_shield(const termination_shield &) = delete;
  termination_shield &operator=(const termination_shield &) = delete;
  ~termination_shield();
};

}  // namespace dynpgext::pg
