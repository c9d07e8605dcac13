// SIGTERM in background workers.
//
// The server's default handler for them ends the process at once, in the middle of whatever
// it does.  A process that dies so while it waits for an LWLock stays in the lock's queue,
// and the others wait for ever.  (Authors who install die() are not affected.)
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// In place of the server's default: ends the process at once, too, but not while interrupts
// are held, as they are under every LWLock, and not within a termination_shield.  Then it
// asks for the end, which comes at the next CHECK_FOR_INTERRUPTS(), at the end of the shield,
// or with the next SIGTERM, whichever is first.
void install_safe_termination();

// The server's handler for sessions: the end comes at the next CHECK_FOR_INTERRUPTS().
void install_session_termination();

// Keeps the process from ending in the middle of our code, for a scope.
class termination_shield {
 public:
  termination_shield() noexcept;
  termination_shield(const termination_shield &) = delete;
  termination_shield &operator=(const termination_shield &) = delete;
  ~termination_shield();
};

// What the shields have put off.  Called where nothing of ours is on the stack.
void end_if_asked();

}  // namespace dynpgext::pg
