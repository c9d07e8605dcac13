#include "pg/login_settings.h"

#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

constinit uint64 at_login = 0;

// Of what is said of the two, on top of a digest of the rest.
uint64 digest_of_row(Relation settings, Oid database, Oid role, uint64 rest) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(database));
  ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(role));
  uint64 digest = rest + 1;
  const SysScanDesc scan =
      systable_beginscan(settings, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
  const HeapTuple tuple = systable_getnext(scan);
  bool is_null = true;
  Datum list = 0;
  if (HeapTupleIsValid(tuple))
    list = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, RelationGetDescr(settings),
                        &is_null);
  if (!is_null)
    digest = DatumGetUInt64(DirectFunctionCall2(hashvarlenaextended, list, UInt64GetDatum(rest)));
  systable_endscan(scan);
  return digest;
}

uint64 digest() {
  return call([] {
    uint64 all = 0;
    const Relation settings = table_open(DbRoleSettingRelationId, AccessShareLock);
    for (const Oid database : {MyDatabaseId, InvalidOid})
      for (const Oid role : {GetSessionUserId(), InvalidOid})
        all = digest_of_row(settings, database, role, all);
    table_close(settings, AccessShareLock);
    return all;
  });
}

}  // namespace

void note_login_settings() {
  begin_transaction();
  at_login = digest();
  commit_transaction();
}

bool login_settings_have_changed() { return digest() != at_login; }

}  // namespace dynpgext::pg
