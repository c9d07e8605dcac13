#include "pg/database_setting.h"

#include "pg/scan.h"

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
    const char *value = nullptr;
    for_each_row(settings, DbRoleSettingDatidRolidIndexId,
                 {Anum_pg_db_role_setting_setdatabase, MyDatabaseId},
                 {Anum_pg_db_role_setting_setrole, role}, [&value, settings, name](HeapTuple row) {
                   bool is_null = false;
                   const Datum list = heap_getattr(row, Anum_pg_db_role_setting_setconfig,
                                                   RelationGetDescr(settings), &is_null);
                   if (!is_null) value = find_in(DatumGetArrayTypePCopy(list), name);
                 });
    table_close(settings, AccessShareLock);
    return value;
  });
  if (found == nullptr) return std::nullopt;
  return found;
}

}  // namespace dynpgext::pg
