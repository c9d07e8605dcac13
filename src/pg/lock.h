// Locks: LWLock guards and one heavyweight lock of our own for each database.
#pragma once

#include "pg/border.h"
#include "pg/lock_order.h"
#include "pg/lock_times.h"

namespace dynpgext::pg {

// Holds an LWLock for a scope.  While it is held: no SQL, no logging, no foreign code.  An ERROR in
// call() leaves it held (see held_locks.h) and restores the interrupt holdoff count, so that the
// release here balances.  An earlier abort has released everything, and then there is nothing to
// do.
class lwlock_guard {
 public:
  lwlock_guard(LWLock *lock, LWLockMode mode, const place &where = place::current()) : lock_(lock) {
    lock_order::acquiring(lock_rank::root);
    call([=] { LWLockAcquire(lock, mode); });
    held_locks::keep(lock);
    lock_order::acquired(lock_rank::root);
    times_.begin(where);
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
    times_.end();
  }

 private:
  LWLock *lock_;
  [[no_unique_address]] lock_times times_;
};

// A heavyweight lock in exactly this mode.
[[nodiscard]] bool is_locked(const LOCKTAG &tag, LOCKMODE mode);

// Turns: the order of transactions that change the registrations of an extension.  Heavyweight
// locks of dynpgext (in pg_locks: locktype advisory, objsubid 21584), kept until the end of the
// transaction.  The server's lock on the extension would not do: ALTER FUNCTION ... DEPENDS ON
// EXTENSION takes it in its strongest mode, for anybody, and everybody would wait for it.  Users
// cannot take this one.  Two extensions with the same hash of their names wait for each other.
//
// `registrations` is taken before `settings`, both before the provisioning lock:
//   registering, applying   registrations, turn_mode::change
//   configuring a worker    registrations, turn_mode::look, and settings, turn_mode::change
//   dropping, updating      registrations, turn_mode::alone
// For `settings` of no extension (an empty name), writers of worker_settings by hand take by_hand,
// and configure_worker() and apply() take not_by_hand.
enum class turn : uint32 { registrations = 1, settings = 2 };
enum class turn_mode : int {
  look = AccessShareLock,             // waits only for `alone`
  change = ShareUpdateExclusiveLock,  // and for another `change`
  by_hand = RowExclusiveLock,         // for `not_by_hand` (and `alone`)
  not_by_hand = ShareLock,            // for `by_hand` and `change` (and `alone`)
  alone = AccessExclusiveLock         // for all modes
};
// The context of an error during the wait (lock_timeout, a cancel, a deadlock) names what it waits
// for.
void take_turn(turn on, const std::string &extension, turn_mode mode);
// False if it would have to wait.
[[nodiscard]] bool take_turn_at_once(turn on, const std::string &extension, turn_mode mode);

// A transaction that pauses an extension also records this in the server's lock table: the record
// stays with it when it is prepared, over a restart.  Blocks nobody.  Until the end of the
// transaction.
void note_pause(const std::string &extension);

// As in the lock table: without the name of the extension.
struct noted_pause {
  Oid database;
  uint32 extension;  // hash_of_extension()
  TransactionId transaction;
};
[[nodiscard]] uint32 hash_of_extension(std::string_view name) noexcept;
// Of all prepared transactions.  On a standby there are none yet.
[[nodiscard]] std::vector<noted_pause> prepared_pauses();

// "I am changing what runs for this database": held by a process that brings the live state of a
// database in line with its registrations, from reading the registrations until the state is
// changed.  A heavyweight lock, so it takes part in deadlock detection and is shown in pg_locks
// (locktype advisory, objsubid 21584).  It is released at the end of the transaction, or earlier by
// provisioning_lock::release().
//
// See shared/provisioning_lock.h, which also records its holder.
class provisioning_lock {
 public:
  static void acquire(Oid database);
  // False if it was not available within this time; then this process has left the queue.
  [[nodiscard]] static bool acquire_within(Oid database, int64 milliseconds);
  static void release(Oid database);
  // Its holder has done its work, and holds it until the end of the transaction.  Later commands of
  // the transaction may wait for locks that come before it; the server ends a deadlock with 40P01.
  static void keep(Oid database);
  // By this process, in a transaction.
  [[nodiscard]] static bool is_held(Oid database);
  // The same, and not only kept.
  [[nodiscard]] static bool is_in_use(Oid database);
};

}  // namespace dynpgext::pg
