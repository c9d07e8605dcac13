// Locks: LWLock guards and one heavyweight lock of our own for each database.
#pragma once

#include "pg/border.h"
#include "pg/lock_order.h"

namespace dynpgext::pg {

// Holds an LWLock for a scope.  While it is held: no SQL, no logging, no code of others.
// An ERROR in call() leaves it held (see held_locks.h) and puts the interrupt holdoff count back,
// so that releasing here balances; an abort that came first has released everything, and then
// there is nothing to do.
class lwlock_guard {
 public:
  lwlock_guard(LWLock *lock, LWLockMode mode) : lock_(lock) {
    lock_order::acquiring(lock_rank::root);
    call([=] { LWLockAcquire(lock, mode); });
    held_locks::keep(lock);
    lock_order::acquired(lock_rank::root);
  }
  lwlock_guard(const lwlock_guard &) = delete;
  lwlock_guard &operator=(const lwlock_guard &) = delete;
  ~lwlock_guard() { release(); }

  void release() noexcept {
    if (lock_ == nullptr) return;
    held_locks::forget(lock_);
    lock_order::released(lock_rank::root);
    if (InterruptHoldoffCount > 0 && LWLockHeldByMe(lock_)) LWLockRelease(lock_);
    lock_ = nullptr;
  }

 private:
  LWLock *lock_;
};

// A heavyweight lock in exactly this mode.
[[nodiscard]] bool is_locked(const LOCKTAG &tag, LOCKMODE mode);

// "I am changing what runs for this database": whoever brings the live state of a
// database in line with its registrations holds it, from reading the registrations until
// the state is changed.  A heavyweight lock, so it takes part in deadlock detection and
// shows in pg_locks (locktype advisory, objsubid 21584).  It is released at the end of the
// transaction, or earlier by provisioning_lock::release().
//
// See state/provisioning_lock.h, which also tells who holds it.
class provisioning_lock {
 public:
  static void acquire(Oid database);
  // False when it has not been to be had for so long; then this process has left the queue.
  [[nodiscard]] static bool acquire_within(Oid database, int64 milliseconds);
  static void release(Oid database);
  // By this process, in a transaction.
  [[nodiscard]] static bool is_held(Oid database);
};

}  // namespace dynpgext::pg
