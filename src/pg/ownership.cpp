#include "pg/ownership.h"

#include "pg/border.h"
#include "pg/lock.h"
#include "pg/parallel_worker.h"

namespace dynpgext::pg {
namespace {

constinit bool is_known = false;

// Before a commit, where catalogs can be read and an error is an ordinary one.
void on_transaction(XactEvent event, void *) {
  if (event != XACT_EVENT_PRE_COMMIT || is_known || !OidIsValid(MyDatabaseId)) return;
  const HeapTuple row = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
  if (!HeapTupleIsValid(row)) return;
  MyProc->roleId = reinterpret_cast<Form_pg_database>(GETSTRUCT(row))->datdba;
  ReleaseSysCache(row);
  is_known = true;
}

}  // namespace

void belong_to_database_owner() {
  call([] { RegisterXactCallback(on_transaction, nullptr); });
}

void belong_to_leader() noexcept {
  if (const PGPROC *leader = parallel_leader()) MyProc->roleId = leader->roleId;
}

void follow_owner(pid_t process, Oid database, Oid owner) {
  call([=] {
    LWLockAcquire(ProcArrayLock, LW_SHARED);  // it cannot end meanwhile
    PGPROC *found = BackendPidGetProcWithLock(process);
    if (found != nullptr && found->databaseId == database && OidIsValid(found->roleId))
      found->roleId = owner;
    LWLockRelease(ProcArrayLock);
  });
}

}  // namespace dynpgext::pg
