// The LWLocks of this process, and those that survive an ERROR.
//
// The server releases LWLocks after an ERROR when it aborts the transaction.  C++ frames unwind
// before that, and may take our locks: a lock still held by the server's code then would violate
// the order, and two processes could wait for each other forever.  So an ERROR that leaves call()
// releases all LWLocks except the kept ones: those of our guards, and those held by the caller of
// an entry().
#pragma once

#include "pg/server.h"

// Builds that check their assumptions: on a server with assertions, and those of the tests.
#if defined(USE_ASSERT_CHECKING) || defined(DYNPGEXT_FAULTS) || defined(DYNPGEXT_DEBUG)
#define DYNPGEXT_CHECKS 1
#else
#define DYNPGEXT_CHECKS 0
#endif

namespace dynpgext::pg::held_locks {

// For a guard: while it holds the lock.
void keep(LWLock *lock) noexcept;
void forget(LWLock *lock) noexcept;

// Locks held now belong to the caller, and are kept until forget_since().
[[nodiscard]] size_t keep_all() noexcept;
void forget_since(size_t mark) noexcept;

// Releases all that are not kept.  InterruptHoldoffCount has its value from before they were taken.
void release_others() noexcept;
// All.
void release_all() noexcept;

// Is one held that is not kept?
[[nodiscard]] bool has_others() noexcept;

}  // namespace dynpgext::pg::held_locks
