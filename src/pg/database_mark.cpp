#include "pg/database_mark.h"

#include "pg/database_setting.h"
#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// `value`: nullptr: none.
void set_mark(const char *value) {
  // whom the server would let write it
  const pinned_identity as(call([] { return superuser() ? GetUserId() : BOOTSTRAP_SUPERUSERID; }));
  call([=] {
    auto *statement = makeNode(VariableSetStmt);
    statement->kind = value == nullptr ? VAR_RESET : VAR_SET_VALUE;
    statement->name = pstrdup(database_mark_name);
    if (value != nullptr) {
      auto *constant = makeNode(A_Const);
      constant->val.sval.type = T_String;
      constant->val.sval.sval = pstrdup(value);
      constant->location = -1;
      statement->args = list_make1(constant);
    }
    AlterSetting(MyDatabaseId, BOOTSTRAP_SUPERUSERID, statement);
  });
  make_visible();
}

}  // namespace

std::string database_mark() {
  return database_setting(database_mark_name, BOOTSTRAP_SUPERUSERID).value_or(std::string());
}

std::string require_database_mark(bool waits) {
  std::string known = database_mark();
  if (!known.empty() || RecoveryInProgress()) return known;
  const bool is_locked = call([waits] {
    constexpr LOCKMODE mode = ExclusiveLock;
    if (!waits)
      return ConditionalLockDatabaseObject(DbRoleSettingRelationId, MyDatabaseId, 0, mode);
    LockDatabaseObject(DbRoleSettingRelationId, MyDatabaseId, 0, mode);
    return true;
  });
  known = database_mark();
  if (is_locked && !known.empty())
    call([] { UnlockDatabaseObject(DbRoleSettingRelationId, MyDatabaseId, 0, ExclusiveLock); });
  if (!is_locked || !known.empty()) return known;
  known = call([] {
    return DatumGetCString(DirectFunctionCall1(uuid_out, OidFunctionCall0(F_GEN_RANDOM_UUID)));
  });
  set_mark(known.c_str());
  return known;
}

void drop_database_mark() {
  if (!database_mark().empty()) set_mark(nullptr);
}

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
