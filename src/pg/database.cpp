#include "pg/database.h"

namespace dynpgext::pg {
namespace {

bool owns(Oid database, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(DatabaseRelationId, database, role);
#else
  return pg_database_ownercheck(database, role);
#endif
}

bool is_template(Oid database) {
  HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool result = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datistemplate;
  ReleaseSysCache(tuple);
  return result;
}

bool may_create_databases(Oid role) {
  if (superuser_arg(role)) return true;
  HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool result = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcreatedb;
  ReleaseSysCache(tuple);
  return result;
}

const char *template_of(const CreatedbStmt *statement) {
  ListCell *cell;
  foreach (cell, statement->options) {
    auto *option = static_cast<DefElem *>(lfirst(cell));
    if (std::strcmp(option->defname, "template") == 0 && option->arg != nullptr)
      return defGetString(option);
  }
  return "template1";
}

bool sets_tablespace(const AlterDatabaseStmt *statement) {
  ListCell *cell;
  foreach (cell, statement->options)
    if (std::strcmp(static_cast<DefElem *>(lfirst(cell))->defname, "tablespace") == 0) return true;
  return false;
}

Oid find_wanted(const Node *statement) {
  const char *name = nullptr;
  bool copies = false;
  switch (nodeTag(statement)) {
    case T_DropdbStmt: name = reinterpret_cast<const DropdbStmt *>(statement)->dbname; break;
    case T_RenameStmt: {
      const auto *rename = reinterpret_cast<const RenameStmt *>(statement);
      if (rename->renameType == OBJECT_DATABASE) name = rename->subname;
      break;
    }
    case T_AlterDatabaseStmt: {
      const auto *alter = reinterpret_cast<const AlterDatabaseStmt *>(statement);
      if (sets_tablespace(alter)) name = alter->dbname;
      break;
    }
    case T_CreatedbStmt:
      name = template_of(reinterpret_cast<const CreatedbStmt *>(statement));
      copies = true;
      break;
    default: break;
  }
  // all but RENAME are refused in a transaction block, and all of them on a standby
  if (name == nullptr || RecoveryInProgress() ||
      (IsTransactionBlock() && nodeTag(statement) != T_RenameStmt))
    return InvalidOid;
  const Oid database = get_database_oid(name, true);
  if (!OidIsValid(database)) return InvalidOid;
  if (database == MyDatabaseId && !copies) return InvalidOid;  // which is refused
  const Oid role = GetUserId();
  if (copies)
    return may_create_databases(role) && (is_template(database) || owns(database, role))
               ? database
               : InvalidOid;
  if (nodeTag(statement) == T_RenameStmt && !may_create_databases(role)) return InvalidOid;
  return owns(database, role) ? database : InvalidOid;
}

}  // namespace

std::optional<Oid> database_wanted_alone(const Node *statement) {
  const Oid found = call([=] { return find_wanted(statement); });
  if (!OidIsValid(found)) return std::nullopt;
  return found;
}

bool is_database_wanted_alone(Oid database) {
  return call([=] {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
    // the mode of a process that connects, which all of those commands keep out
    if (LockAcquire(&tag, RowExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL) {
      LockRelease(&tag, RowExclusiveLock, true);
      return false;
    }
    // one that still waits for the lock itself, for whomever, is not kept up by us
    int holders = 0;
    (void)GetLockConflicts(&tag, RowExclusiveLock, &holders);
    return holders > 0;
  });
}

Oid database_of_process(pid_t pid) {
  return call([=] {
    const PGPROC *process = BackendPidGetProc(pid);
    return process == nullptr ? InvalidOid : process->databaseId;
  });
}

}  // namespace dynpgext::pg
