#include "pg/lock.h"

namespace dynpgext::pg {
namespace {

// Advisory locks of users have 1 or 2 in the last field.
constexpr uint16 lock_class = 0x5450;

LOCKTAG tag_of(Oid database) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, database, 0, 0, lock_class);
  return tag;
}

bool is_held(const LOCKTAG &tag) {
#if PG_VERSION_NUM >= 170000
  return LockHeldByMe(&tag, ExclusiveLock, false);
#else
  return LockHeldByMe(&tag, ExclusiveLock);
#endif
}

}  // namespace

void provisioning_lock::acquire(Oid database) {
  const LOCKTAG tag = tag_of(database);
  call([&tag] { (void)LockAcquire(&tag, ExclusiveLock, false, false); });
}

void provisioning_lock::release(Oid database) {
  const LOCKTAG tag = tag_of(database);
  call([&tag] { (void)LockRelease(&tag, ExclusiveLock, false); });
}

scoped_provisioning_lock::~scoped_provisioning_lock() {
  const LOCKTAG tag = tag_of(database_);
  if (!kept_ && IsTransactionState() && is_held(tag)) {
    (void)swallow("releasing a lock", [&] { provisioning_lock::release(database_); });
  }
}

}  // namespace dynpgext::pg
