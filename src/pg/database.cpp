#include "pg/database.h"

#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

bool owns(Oid database, Oid role) { return versions::owns(role, DatabaseRelationId, database); }

struct database_facts {
  bool is_template;
  Oid tablespace;
};

database_facts facts_of(Oid database) {
  HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
  if (!HeapTupleIsValid(tuple)) return {false, InvalidOid};
  const auto *form = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
  const database_facts facts{form->datistemplate, form->dattablespace};
  ReleaseSysCache(tuple);
  return facts;
}

bool may_create_in_tablespace(Oid tablespace, Oid role) {
  return versions::has_privilege(role, TableSpaceRelationId, tablespace, ACL_CREATE);
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

// The target; nullptr: no move.
const char *tablespace_of(const AlterDatabaseStmt *statement) {
  ListCell *cell;
  foreach (cell, statement->options) {
    auto *option = static_cast<DefElem *>(lfirst(cell));
    if (std::strcmp(option->defname, "tablespace") == 0 && option->arg != nullptr)
      return defGetString(option);
  }
  return nullptr;
}

// A command that the server refuses before it waits for other processes ends none of ours.  The
// checks are those of the server's dbcommands.c that depend on names and privileges.
Oid find_wanted(const Node *statement) {
  const char *name = nullptr;
  const char *new_name = nullptr;
  const char *new_tablespace = nullptr;
  bool copies = false;
  switch (nodeTag(statement)) {
    case T_DropdbStmt: name = reinterpret_cast<const DropdbStmt *>(statement)->dbname; break;
    case T_RenameStmt: {
      const auto *rename = reinterpret_cast<const RenameStmt *>(statement);
      if (rename->renameType == OBJECT_DATABASE) name = rename->subname;
      new_name = rename->newname;
      break;
    }
    case T_AlterDatabaseStmt: {
      const auto *alter = reinterpret_cast<const AlterDatabaseStmt *>(statement);
      new_tablespace = tablespace_of(alter);
      if (new_tablespace != nullptr) name = alter->dbname;
      break;
    }
    case T_CreatedbStmt: {
      const auto *create = reinterpret_cast<const CreatedbStmt *>(statement);
      name = template_of(create);
      new_name = create->dbname;
      copies = true;
      break;
    }
    default: break;
  }
  // all except RENAME are refused in a transaction block, and all of them on a standby
  if (name == nullptr || RecoveryInProgress() ||
      (IsTransactionBlock() && nodeTag(statement) != T_RenameStmt))
    return InvalidOid;
  const Oid database = get_database_oid(name, true);
  if (!OidIsValid(database)) return InvalidOid;
  if (database == MyDatabaseId && !copies) return InvalidOid;  // refused by the server
  if (new_name != nullptr && OidIsValid(get_database_oid(new_name, true))) return InvalidOid;
  const Oid role = GetUserId();
  const database_facts facts = facts_of(database);
  if (copies)
    return may_create_databases(role) && (facts.is_template || owns(database, role)) ? database
                                                                                     : InvalidOid;
  if (nodeTag(statement) == T_DropdbStmt && facts.is_template) return InvalidOid;
  if (new_tablespace != nullptr) {
    const Oid tablespace = get_tablespace_oid(new_tablespace, true);
    if (!OidIsValid(tablespace) || tablespace == GLOBALTABLESPACE_OID ||
        tablespace == facts.tablespace || !may_create_in_tablespace(tablespace, role))
      return InvalidOid;
  }
  if (nodeTag(statement) == T_RenameStmt && !may_create_databases(role)) return InvalidOid;
  return owns(database, role) ? database : InvalidOid;
}

}  // namespace

std::optional<wanted_database> database_wanted_alone(const Node *statement) {
  const Oid found = call([=] { return find_wanted(statement); });
  if (!OidIsValid(found)) return std::nullopt;
  const bool copies = nodeTag(statement) == T_CreatedbStmt;
  return wanted_database{found, copies ? ShareLock : AccessExclusiveLock};
}

void lock_wanted(const wanted_database &wanted) {
  const Oid database = wanted.id;
  const LOCKMODE mode = wanted.lock;
  call([=] { LockSharedObject(DatabaseRelationId, database, 0, mode); });
}

std::string current_database_name() {
  const char *name = call([] { return get_database_name(MyDatabaseId); });
  return name == nullptr ? std::to_string(MyDatabaseId) : name;
}

Oid database_of_process(pid_t pid) {
  return call([=] {
    const PGPROC *process = BackendPidGetProc(pid);
    return process == nullptr ? InvalidOid : process->databaseId;
  });
}

std::string database_name(Oid database) {
  if (!OidIsValid(database)) return {};
  return name_in_catalog([=] { return static_cast<const char *>(get_database_name(database)); });
}

}  // namespace dynpgext::pg
