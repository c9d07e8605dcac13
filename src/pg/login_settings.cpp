#include "pg/login_settings.h"

#include "pg/role.h"
#include "pg/scan.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

constinit uint64 at_login = 0;
constinit bool was_superuser = false;

// Adds the settings of the two to a digest.
uint64 digest_of_row(Relation settings, Snapshot snapshot, Oid database, Oid role, uint64 rest) {
  uint64 digest = rest + 1;
  for_each_row(
      settings, DbRoleSettingDatidRolidIndexId, {Anum_pg_db_role_setting_setdatabase, database},
      {Anum_pg_db_role_setting_setrole, role},
      [&digest, settings, rest](HeapTuple tuple) {
        bool is_null = true;
        const Datum list = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
                                        RelationGetDescr(settings), &is_null);
        if (!is_null)
          digest =
              DatumGetUInt64(DirectFunctionCall2(hashvarlenaextended, list, UInt64GetDatum(rest)));
      },
      snapshot);
  return digest;
}

// In the server's order of precedence: the first one wins.
struct kind {
  bool of_database;
  bool of_role;
  GucSource source;
};
constexpr kind kinds[] = {{true, true, PGC_S_DATABASE_USER},
                          {false, true, PGC_S_USER},
                          {true, false, PGC_S_DATABASE},
                          {false, false, PGC_S_GLOBAL}};

// `apply`: applies them to this process.  Reads with one snapshot.
uint64 read_settings(bool apply) {
  return call([=] {
    uint64 all = 0;
    const Relation settings = table_open(DbRoleSettingRelationId, AccessShareLock);
    const Snapshot snapshot = RegisterSnapshot(GetCatalogSnapshot(DbRoleSettingRelationId));
    for (const kind &k : kinds) {
      const Oid database = k.of_database ? MyDatabaseId : InvalidOid;
      const Oid role = k.of_role ? GetSessionUserId() : InvalidOid;
      if (apply) ApplySetting(snapshot, database, role, settings, k.source);
      all = digest_of_row(settings, snapshot, database, role, all);
    }
    UnregisterSnapshot(snapshot);
    table_close(settings, AccessShareLock);
    return all;
  });
}

// Up to PostgreSQL 16 a role that was a superuser at its login may SET SESSION AUTHORIZATION for
// the life of its process.
bool connected_as_superuser() {
  return call([] {
    // otherwise it is about the role set by ALTER ROLE ... SET role
    (void)set_config_option("role", "none", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0,
                            false);
    return strcmp(GetConfigOption("is_superuser", false, false), "on") == 0;
  });
}

}  // namespace

void note_login_settings() {
  begin_transaction();
  // a change since the server read it a moment ago would not be noticed later
  at_login = read_settings(true);
  was_superuser = connected_as_superuser();
  commit_transaction();
}

bool login_settings_have_changed() {
  return is_superuser(GetSessionUserId()) != was_superuser || read_settings(false) != at_login;
}

}  // namespace dynpgext::pg
