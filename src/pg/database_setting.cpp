#include "pg/database_setting.h"

#include "pg/relation.h"

namespace dynpgext::pg {

std::optional<std::string> database_setting(const char *name) {
  const relation settings(DbRoleSettingRelationId, AccessShareLock);
  for (const row &row : settings.rows()) {
    if (row.oid(Anum_pg_db_role_setting_setdatabase - 1) != MyDatabaseId ||
        OidIsValid(row.oid(Anum_pg_db_role_setting_setrole - 1)) ||
        row.is_null(Anum_pg_db_role_setting_setconfig - 1))
      continue;
    const Datum list = row.datum(Anum_pg_db_role_setting_setconfig - 1);
    const char *found = call([=]() -> const char * {
      Datum *items = nullptr;
      int count = 0;
      deconstruct_array(DatumGetArrayTypeP(list), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr,
                        &count);
      for (int i = 0; i < count; ++i) {
        char *item = TextDatumGetCString(items[i]);
        char *value = std::strchr(item, '=');
        if (value == nullptr) continue;
        *value++ = '\0';
        if (pg_strcasecmp(item, name) == 0) return value;
      }
      return nullptr;
    });
    if (found != nullptr) return found;
  }
  return std::nullopt;
}

}  // namespace dynpgext::pg
