// LWLocks of this process: which it holds, and which of them an ERROR must not take away.
//
// The server releases LWLocks after an ERROR when it aborts the transaction.  C++ frames unwind
// before that, and take locks of their own on the way: a lock that the server has left by then
// would stand in the wrong order, and two processes would wait for each other for ever.  So an
// ERROR that leaves call() takes with it all LWLocks but those that are kept: the ones of our
// guards, and the ones that the caller of an entry() held.
#pragma once

#include "pg/server.h"

// Builds that check what they rely on: on a server with assertions, and those of the tests.
#if defined(USE_ASSERT_CHECKING) || defined(DYNPGEXT_FAULTS) || defined(DYNPGEXT_DEBUG)
#define DYNPGEXT_CHECKS 1
#else
#define DYNPGEXT_CHECKS 0
#endif

namespace dynpgext::pg::held_locks {

// Of a guard: from when it is held until it is released.
void keep(LWLock *lock) noexcept;
void forget(LWLock *lock) noexcept;

// What is held by now belongs to somebody else, and stays; until forget_since().
[[nodiscard]] size_t keep_all() noexcept;
void forget_since(size_t mark) noexcept;

// All that are not kept.  InterruptHoldoffCount is what it was before they were taken.
void release_others() noexcept;
// All.
void release_all() noexcept;

// Is one held that is not kept?
[[nodiscard]] bool has_others() noexcept;

}  // namespace dynpgext::pg::held_locks
