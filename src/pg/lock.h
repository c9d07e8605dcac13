// Locks: LWLock guards and one heavyweight lock of our own for each database.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Holds an LWLock for a scope.  While it is held: no SQL, no logging, no code of others.
// After an ERROR, call() has put the interrupt holdoff count back, so that releasing here
// balances; an abort that came first has released everything, and then there is nothing
// to do.
class lwlock_guard {
 public:
  lwlock_guard(LWLock *lock, LWLockMode mode) : lock_(lock) {
    call([=] { LWLockAcquire(lock, mode); });
  }
  lwlock_guard(const lwlock_guard &) = delete;
  lwlock_guard &operator=(const lwlock_guard &) = delete;
  ~lwlock_guard() { release(); }

  void release() noexcept {
    if (lock_ != nullptr && InterruptHoldoffCount > 0 && LWLockHeldByMe(lock_)) {
      LWLockRelease(lock_);
      // what a call that failed has left locked (a partition of a table, the area): nobody on
      // the way out may wait for this lock while holding those
      if (std::uncaught_exceptions() > 0) LWLockReleaseAll();
    }
    lock_ = nullptr;
  }

 private:
  LWLock *lock_;
};

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
