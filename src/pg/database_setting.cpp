#include "pg/database_settings.h"

#include "pg/relation.h"

namespace dynpgext::pg {

database_settings::database_settings(const char *name) {
  const relation settings(DbRoleSettingRelationId, AccessShareLock);
  for (const row &row : settings.rows()) {
    if (OidIsValid(row.oid(Anum_pg_db_role_setting_setrole - 1)) ||
        row.is_null(Anum_pg_db_role_setting_setconfig - 1))
      continue;
    const Datum list = row.datum(Anum_pg_db_role_setting_setconfig - 1);
    const char *found = call([=] {
      Datum *items = nullptr;
      int count = 0;
      deconstruct_array(DatumGetArrayTypeP(list), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr,
                        &count);
      for (int i = 0; i < count; ++i) {
        char *item = TextDatumGetCString(items[i]);
        char *value = std::strchr(item, '=');
        if (value == nullptr) continue;
        *value++ = '\0';
        if (pg_strcasecmp(item, name) == 0) return static_cast<const char *>(value);
      }
      return static_cast<const char *>(nullptr);
    });
    if (found != nullptr) values_[row.oid(Anum_pg_db_role_setting_setdatabase - 1)] = found;
  }
}

std::optional<std::string> database_settings::of(Oid database) const {
  const auto found = values_.find(database);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

}  // namespace dynpgext::pg
