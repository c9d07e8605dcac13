#include "pg/lock.h"

#include "pg/deadline.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// Advisory locks of users have 1 or 2 in the last field.
constexpr uint16 lock_class = 0x5450;

LOCKTAG tag_of(Oid database) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, database, 0, 0, lock_class);
  return tag;
}

// The (sub)transaction owns the lock, not the portal of a command in it: the subtransaction of
// acquire_within() leaves it to its parent, which is the former.
class owned_by_transaction {
 public:
  owned_by_transaction()
      : saved_(std::exchange(CurrentResourceOwner, CurTransactionResourceOwner)) {}
  owned_by_transaction(const owned_by_transaction &) = delete;
  owned_by_transaction &operator=(const owned_by_transaction &) = delete;
  ~owned_by_transaction() { CurrentResourceOwner = saved_; }

 private:
  ResourceOwner saved_;
};

}  // namespace

void provisioning_lock::acquire(Oid database) {
  if (!is_held(database)) lock_order::acquiring(lock_rank::provisioning);
  const LOCKTAG tag = tag_of(database);
  const owned_by_transaction owner;
  call([&tag] { (void)LockAcquire(&tag, ExclusiveLock, false, false); });
}

void provisioning_lock::release(Oid database) {
  const LOCKTAG tag = tag_of(database);
  const owned_by_transaction owner;
  call([&tag] { (void)LockRelease(&tag, ExclusiveLock, false); });
}

bool provisioning_lock::acquire_within(Oid database, int64 milliseconds) {
  if (!is_held(database)) lock_order::acquiring(lock_rank::provisioning);
  const LOCKTAG tag = tag_of(database);
  {
    const owned_by_transaction owner;
    if (call([&tag] { return LockAcquire(&tag, ExclusiveLock, false, true); }) !=
        LOCKACQUIRE_NOT_AVAIL)
      return true;
  }
  if (IsInParallelMode()) {  // where no subtransaction is possible
    acquire(database);
    return true;
  }
  // The wait is given up by an ERROR, after which the subtransaction cleans up.
  const deadline patience(milliseconds);
  detail::subtransaction sub;
  bool acquired = false;
  std::exception_ptr failed;
  try {
    acquire(database);
    acquired = true;
  } catch (const server_error &e) {
    if (!patience.explains(e)) failed = std::current_exception();
  } catch (...) {
    failed = std::current_exception();
  }
  if (acquired)
    sub.commit();
  else
    sub.rollback();
  if (failed) std::rethrow_exception(failed);
  return acquired;
}

bool provisioning_lock::is_held(Oid database) {
  return IsTransactionState() && is_locked(tag_of(database), ExclusiveLock);
}

bool is_locked(const LOCKTAG &tag, LOCKMODE mode) {
#if PG_VERSION_NUM >= 170000
  return LockHeldByMe(&tag, mode, false);
#else
  return LockHeldByMe(&tag, mode);
#endif
}

}  // namespace dynpgext::pg
