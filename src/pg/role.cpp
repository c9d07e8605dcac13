#include "pg/role.h"

#include "pg/extension_members.h"
#include "pg/relation.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// For dynpgext's functions; the caller needs no right on its schema.
bool may_execute(Oid role, const char *name, int argument_count, const Oid *arguments) {
  const Oid function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                                       PointerGetDatum(buildoidvector(arguments, argument_count)),
                                       ObjectIdGetDatum(get_namespace_oid("dynpgext", true)));
  if (!OidIsValid(function)) return false;
  return versions::has_privilege(role, ProcedureRelationId, function, ACL_EXECUTE);
}

// The server keeps its cache of memberships up to date only in processes connected to a database,
// and the launcher is connected to none.
void follow_memberships() {
  static constinit bool follows = false;
  if (OidIsValid(MyDatabaseId) || std::exchange(follows, true)) return;
  call([] { initialize_acl(); });
}

struct database_rights {
  Oid owner;  // InvalidOid: no such database
  bool is_template;
};

database_rights rights_on(Oid database) {
  return call([=] {
    const HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
    if (!HeapTupleIsValid(tuple)) return database_rights{InvalidOid, false};
    const auto *form = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    const database_rights rights{form->datdba, form->datistemplate};
    ReleaseSysCache(tuple);
    return rights;
  });
}

// CREATEDB is not inherited, but SET ROLE gives it.
bool could_create_databases(Oid member) {
  const relation roles(AuthIdRelationId, AccessShareLock);
  for (const row &r : roles.rows()) {
    if (!r.boolean(Anum_pg_authid_rolcreatedb - 1)) continue;
    const Oid role = r.oid(Anum_pg_authid_oid - 1);
    if (call([=] { return is_member_of_role(member, role); })) return true;
  }
  return false;
}

}  // namespace

Oid role_oid(const std::string &name) {
  const char *text = name.c_str();
  return call([=] { return get_role_oid(text, true); });
}

std::string role_name(Oid role) {
  if (!OidIsValid(role)) return {};
  return name_in_catalog([=] { return static_cast<const char *>(GetUserNameFromId(role, true)); });
}

Oid session_role() { return GetSessionUserId(); }

Oid current_role() { return GetUserId(); }

bool is_superuser() {
  return call([] { return superuser(); });
}

bool is_superuser(Oid role) {
  return call([=] { return superuser_arg(role); });
}

bool has_login(Oid role) {
  return call([=] {
    const HeapTuple row = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(row)) return false;
    const bool can = reinterpret_cast<Form_pg_authid>(GETSTRUCT(row))->rolcanlogin;
    ReleaseSysCache(row);
    return can;
  });
}

bool may_connect(Oid role) {
  return call(
      [=] { return versions::has_privilege(role, DatabaseRelationId, MyDatabaseId, ACL_CONNECT); });
}

Oid database_owner(Oid database) { return rights_on(database).owner; }

bool may_become(Oid member, Oid role) {
  return call([=] { return versions::may_set_role(member, role); });
}

bool may_become_with_heirs(Oid member, Oid role) {
  return may_become(member, role) && call([=] { return versions::inherits_role(member, role); });
}

bool owns_database(Oid role, Oid database) {
  follow_memberships();
  if (is_superuser(role)) return true;
  const Oid owner = rights_on(database).owner;
  return OidIsValid(owner) && call([=] { return has_privs_of_role(role, owner); });
}

bool may_command_database(Oid role, Oid database, bool copies) {
  follow_memberships();
  if (is_superuser(role)) return true;
  const database_rights rights = rights_on(database);
  if (!OidIsValid(rights.owner)) return false;
  if (call([=] { return is_member_of_role(role, rights.owner); })) return true;
  return copies && rights.is_template && could_create_databases(role);
}

bool may_register(Oid role) {
  return call([=] {
    const Oid registers[] = {NAMEOID, JSONBOID};
    const Oid applies[] = {JSONBOID, BOOLOID};
    return may_execute(role, "register", 2, registers) || may_execute(role, "apply", 2, applies);
  });
}

bool may_end_restore(Oid role) {
  return call([=] { return may_execute(role, "end_restore", 0, nullptr); });
}

bool decides_for_server(const std::string &extension) {
  if (extension_in_creation() != extension) return is_superuser();
  return is_superuser(extension_owner(extension_oid(extension.c_str())));
}

bool owns_extension(const std::string &extension) {
  const Oid id = extension_oid(extension.c_str());
  if (!OidIsValid(id)) return false;
  const Oid owner = extension_owner(id);
  return call([=] { return has_privs_of_role(GetUserId(), owner); });
}

std::vector<std::string> tables_closed_to_owner(const std::string &extension) {
  const Oid id = extension_oid(extension.c_str());
  if (!OidIsValid(id)) return {};
  const Oid owner = extension_owner(id);
  const List *found = call([=] {
    List *names = NIL;
    for_each_member(id, [&names, owner](Oid classid, Oid member) {
      if (classid != RelationRelationId) return;
      const char kind = get_rel_relkind(member);
      if (kind == RELKIND_INDEX || kind == RELKIND_COMPOSITE_TYPE || kind == '\0') return;
      const AclMode any =
          kind == RELKIND_SEQUENCE ? ACL_ALL_RIGHTS_SEQUENCE : ACL_ALL_RIGHTS_RELATION;
      if (pg_class_aclmask(member, owner, any, ACLMASK_ANY) != 0) return;
      names =
          lappend(names, quote_qualified_identifier(get_namespace_name(get_rel_namespace(member)),
                                                    get_rel_name(member)));
    });
    return names;
  });
  std::vector<std::string> tables;
  tables.reserve(static_cast<size_t>(list_length(found)));
  for (int i = 0; i < list_length(found); ++i)
    tables.emplace_back(static_cast<const char *>(list_nth(found, i)));
  return tables;
}

}  // namespace dynpgext::pg
