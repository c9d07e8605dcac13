#include "pg/database_mark.h"

#include "pg/database_setting.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
std::string database_mark() {
  return database_setting(database_mark_name, BOOTSTRAP_SUPERUSERID).value_or(std::string());
}

std::string require_database_mark(bool waits) {
  std::string known = database_mark();
  if (!known.empty() || RecoveryInProgress()) return known;
  const bool is_locked = lock_kept_for_database(MyDatabaseId, waits);
  known = database_mark();
  if (is_locked && !known.empty()) unlock_kept_for_database(MyDatabaseId);
  if (!is_locked || !known.empty()) return known;
  known = call([] {
    return DatumGetCString(DirectFunctionCall1(uuid_out, OidFunctionCall0(F_GEN_RANDOM_UUID)));
  });
  keep_for_database(MyDatabaseId, database_mark_name, known.c_str());
  return known;
}

void drop_database_mark() { drop_kept_for_database(database_mark_name); }

uint32 database_row(Oid database) {
  return call([=] {
    const HeapTuple row = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
    if (!HeapTupleIsValid(row)) return uint32{0};
    const TransactionId writer = HeapTupleHeaderGetRawXmin(row->t_data);
    ReleaseSysCache(row);
    return writer;
  });
}

}  // namespace dynpgext::pg
