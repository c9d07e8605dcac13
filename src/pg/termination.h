// SIGTERM in background workers, and what ends those that ignore it.
//
// The server's default handler for them ends the process at once, in the middle of whatever
// it does.  One that dies in malloc corrupts its memory on the way out, and takes the server
// through a crash-restart; one that dies while it waits for an LWLock stays in the lock's
// queue, and the others wait for ever.  Both were seen within seconds when workers were
// stopped just after their start.
//
// An author may have SIGTERM ignored, or leave signals blocked as they are when the process starts.
// Such a process is ended by SIGCONT, sent with a value that no one else sends.  The server never
// blocks SIGCONT (BlockSig leaves it out), authors have no use for it, and where its handler is
// missing it does no harm.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// In place of the server's default: asks for the end, as in a session, which then comes at the
// next CHECK_FOR_INTERRUPTS(), and sets the latch.  A process that has not come by one within a
// second is ended where it is, as by the default handler, unless it holds interrupts or is
// within a termination_shield; then it has another second.  An author's own handler replaces it.
void install_safe_termination();

// Makes this process answer insist_on_end(); install_safe_termination() does that, too.
void install_last_resort();
// For a process that has been sent SIGTERM and stays: as SIGTERM with the handler of
// install_safe_termination(), whatever its code has done to SIGTERM.  Without effect where the
// process holds interrupts, or has blocked all signals itself.
void insist_on_end(pid_t pid) noexcept;

// What a stop that we have asked for looks like: where `was_told()`, the FATAL 57P01 that ends this
// process is an ordinary end instead, with status 0 and no line in the log.  It is asked without a
// lock, at any place that serves interrupts.  Once in a process.
void end_well_when_told(bool (*was_told)() noexcept);

// The server's handler for sessions: the end comes at the next CHECK_FOR_INTERRUPTS().
void install_session_termination();
// Has that happened?
[[nodiscard]] bool was_told_to_end() noexcept;

// In a signal handler: may the process end where it is?  And nothing may interrupt that, but
// SIGQUIT and faults, as in the server's own handlers: a process that hangs on its way out ends
// with the server.
[[nodiscard]] bool may_end_here() noexcept;
void block_all_signals() noexcept;

// Keeps the process from ending in the middle of our code, for a scope.
class termination_shield {
 public:
  termination_shield() noexcept;
  termination_shield(const termination_shield &) = delete;
  termination_shield &operator=(const termination_shield &) = delete;
  ~termination_shield();
};

}  // namespace dynpgext::pg
