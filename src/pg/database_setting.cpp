#include "pg/database_setting.h"

namespace dynpgext::pg {
namespace {

// Of a list of "name=value"; nullptr: it does not name the setting.
const char *find_in(ArrayType *list, const char *name) {
  Datum *items = nullptr;
  int count = 0;
  deconstruct_array(list, TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
  for (int i = 0; i < count; ++i) {
    char *item = TextDatumGetCString(items[i]);
    char *value = std::strchr(item, '=');
    if (value == nullptr) continue;
    *value++ = '\0';
    if (pg_strcasecmp(item, name) == 0) return value;
  }
  return nullptr;
}

}  // namespace

std::optional<std::string> database_setting(const char *name, Oid role) {
  const char *found = call([=]() -> const char * {
    const Relation settings = table_open(DbRoleSettingRelationId, AccessShareLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(MyDatabaseId));
    ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(role));
    const SysScanDesc scan =
        systable_beginscan(settings, DbRoleSettingDatidRolidIndexId, true, nullptr, 2, keys);
    const char *value = nullptr;
    if (const HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
      bool is_null = false;
      const Datum list = heap_getattr(row, Anum_pg_db_role_setting_setconfig,
                                      RelationGetDescr(settings), &is_null);
      if (!is_null) value = find_in(DatumGetArrayTypePCopy(list), name);
    }
    systable_endscan(scan);
    table_close(settings, AccessShareLock);
    return value;
  });
  if (found == nullptr) return std::nullopt;
  return found;
}

}  // namespace dynpgext::pg
