#include "pg/database_setting.h"

#include "pg/scan.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// From a list of "name=value"; nullptr: the setting is not in it.
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

constexpr LOCKMODE keeping = ExclusiveLock;

// As an object of the given database, whichever this process is connected to.
LOCKTAG tag_of_kept(Oid database) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, database, DbRoleSettingRelationId, database, 0);
  return tag;
}

}  // namespace

std::optional<std::string> database_setting(const char *name, Oid role, Oid database) {
  const char *found = call([=]() -> const char * {
    const Relation settings = table_open(DbRoleSettingRelationId, AccessShareLock);
    const char *value = nullptr;
    for_each_row(settings, DbRoleSettingDatidRolidIndexId,
                 {Anum_pg_db_role_setting_setdatabase, database},
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

void keep_for_database(Oid database, const char *name, const char *value) {
  // a role that the server would let write it
  const pinned_identity as(call([] { return superuser() ? GetUserId() : BOOTSTRAP_SUPERUSERID; }));
  call([=] {
    auto *statement = makeNode(VariableSetStmt);
    statement->kind = value == nullptr ? VAR_RESET : VAR_SET_VALUE;
    statement->name = pstrdup(name);
    if (value != nullptr) {
      auto *constant = makeNode(A_Const);
      constant->val.sval.type = T_String;
      constant->val.sval.sval = pstrdup(value);
      constant->location = -1;
      statement->args = list_make1(constant);
    }
    AlterSetting(database, BOOTSTRAP_SUPERUSERID, statement);
  });
  make_visible();
}

bool lock_kept_for_database(Oid database, bool waits) {
  const LOCKTAG tag = tag_of_kept(database);
  return call([&tag, waits] {
    if (LockAcquire(&tag, keeping, false, !waits) == LOCKACQUIRE_NOT_AVAIL) return false;
    AcceptInvalidationMessages();  // of the previous holder
    return true;
  });
}

void unlock_kept_for_database(Oid database) {
  const LOCKTAG tag = tag_of_kept(database);
  call([&tag] { (void)LockRelease(&tag, keeping, false); });
}

void drop_kept_for_database(const char *name) {
  (void)lock_kept_for_database(MyDatabaseId, true);
  if (database_setting(name, BOOTSTRAP_SUPERUSERID)) keep_for_database(MyDatabaseId, name, nullptr);
}

}  // namespace dynpgext::pg
