#include "pg/session_state.h"

#include "pg/relation.h"

namespace dynpgext::pg {
namespace {

// Who the command runs as is not for settings to say.
bool is_identity(const char *name) {
  return pg_strcasecmp(name, "role") == 0 || pg_strcasecmp(name, "session_authorization") == 0;
}

void apply_list(Datum list) {
  Datum *items = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(list), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr,
                    &count);
  for (int i = 0; i < count; ++i) {
    char *name = TextDatumGetCString(items[i]);
    char *value = std::strchr(name, '=');
    if (value == nullptr) continue;
    *value++ = '\0';
    if (is_identity(name)) continue;
    (void)set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, DEBUG1,
                            false);
  }
}

// So that what one command has made of random() says nothing of the next one's.
void forget_seed() {
  (void)DirectFunctionCall1(setseed, Float8GetDatum(pg_prng_double(&pg_global_prng_state)));
}

}  // namespace

void apply_role_settings(Oid role) {
  const relation settings(DbRoleSettingRelationId, AccessShareLock);
  const std::vector<row> rows = settings.rows();
  for (const Oid database : {InvalidOid, MyDatabaseId})  // the more special one later
    for (const row &row : rows) {
      if (row.oid(Anum_pg_db_role_setting_setrole - 1) != role ||
          row.oid(Anum_pg_db_role_setting_setdatabase - 1) != database ||
          row.is_null(Anum_pg_db_role_setting_setconfig - 1))
        continue;
      const Datum list = row.datum(Anum_pg_db_role_setting_setconfig - 1);
      call([=] { apply_list(list); });
    }
}

void leave_nothing_behind(Oid role) {
  call([role] {
    Oid user = InvalidOid;
    int context = 0;
    GetUserIdAndSecContext(&user, &context);
    StartTransactionCommand();
    SetUserIdAndSecContext(role, SECURITY_LOCAL_USERID_CHANGE);
    PushActiveSnapshot(GetTransactionSnapshot());
    PortalHashTableDeleteAll();
    ResetAllOptions();
    DropAllPreparedStatements();
    LockReleaseAll(USER_LOCKMETHOD, true);
    ResetTempTableNamespace();
    ResetSequenceCaches();
    PopActiveSnapshot();
    CommitTransactionCommand();
    SetUserIdAndSecContext(user, context);
    forget_seed();
  });
}

}  // namespace dynpgext::pg
