#include "pg/role_hold.h"

#include "pg/relation.h"
#include "pg/role.h"
#include "pg/scan.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

constexpr const char *server_name = "dynpgext_workers";

// InvalidOid until ALTER EXTENSION dynpgext UPDATE, or if another role has made it.
Oid server_of(Oid extension) {
  return call([=] {
    const Oid server = get_foreign_server_oid(server_name, true);
    if (!OidIsValid(server)) return InvalidOid;
    return getExtensionOfObject(ForeignServerRelationId, server) == extension ? server : InvalidOid;
  });
}

Oid mapping_of(Oid server, Oid role) {
  return call([=] {
    return GetSysCacheOid2(USERMAPPINGUSERSERVER, Anum_pg_user_mapping_oid, ObjectIdGetDatum(role),
                           ObjectIdGetDatum(server));
  });
}

bool depends_on_extension(Oid mapping, Oid extension) {
  return call([=] {
    const Relation depend = table_open(DependRelationId, AccessShareLock);
    bool found = false;
    for_each_row(depend, DependDependerIndexId, {Anum_pg_depend_classid, UserMappingRelationId},
                 {Anum_pg_depend_objid, mapping}, [&found, extension](HeapTuple tuple) {
                   const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
                   if (row->refclassid == ExtensionRelationId && row->refobjid == extension &&
                       row->deptype == DEPENDENCY_AUTO)
                     found = true;
                 });
    table_close(depend, AccessShareLock);
    return found;
  });
}

// DROP EXTENSION dynpgext then drops it, too.  If the dependency exists, nothing is locked: others
// may have locked the extension, or be dropping the mapping.
void depend_on_extension(Oid mapping, Oid extension) {
  if (depends_on_extension(mapping, extension)) return;
  call([=] {
    ObjectAddress depender;
    ObjectAddress on;
    ObjectAddressSet(depender, UserMappingRelationId, mapping);
    ObjectAddressSet(on, ExtensionRelationId, extension);
    recordDependencyOn(&depender, &on, DEPENDENCY_AUTO);
  });
}

// A role is a shared object: as an object of this database, nobody else locks it.
bool lock_role(Oid role, LOCKMODE mode, bool at_once) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, AuthIdRelationId, role, 0);
  return call([&tag, mode, at_once] {
    if (LockAcquire(&tag, mode, false, at_once) == LOCKACQUIRE_NOT_AVAIL) return false;
    AcceptInvalidationMessages();  // of the previous holder
    return true;
  });
}

void lock_needed(Oid extension, Oid role) {
  if (is_role_held(extension, role)) {
    (void)lock_role(role, AccessShareLock, false);
    if (is_role_held(extension, role)) return;
    call([=] { UnlockDatabaseObject(AuthIdRelationId, role, 0, AccessShareLock); });
  }
  (void)lock_role(role, AccessExclusiveLock, false);
}

}  // namespace

std::vector<Oid> lock_role_holds(Oid extension, const std::vector<Oid> &before,
                                 const std::vector<Oid> &wanted) {
  std::vector<Oid> roles = before;
  roles.insert(roles.end(), wanted.begin(), wanted.end());
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  std::vector<Oid> may_go;
  for (const Oid role : roles) {
    const bool stays = std::find(wanted.begin(), wanted.end(), role) != wanted.end();
    if (stays)
      lock_needed(extension, role);
    else if (lock_role(role, AccessExclusiveLock, true))
      may_go.push_back(role);
  }
  return may_go;
}

bool lock_letting_go(Oid extension, bool waits) {
  const Oid server = server_of(extension);
  if (!OidIsValid(server)) return false;
  return call([=] {
    constexpr LOCKMODE mode = ShareUpdateExclusiveLock;  // conflicts with itself
    if (waits) {
      LockDatabaseObject(ForeignServerRelationId, server, 0, mode);
      return true;
    }
    return ConditionalLockDatabaseObject(ForeignServerRelationId, server, 0, mode);
  });
}

std::vector<Oid> held_roles(Oid extension) {
  std::vector<Oid> roles;
  const Oid server = server_of(extension);
  if (!OidIsValid(server)) return roles;
  const relation mappings(UserMappingRelationId, AccessShareLock);
  for (const row &row : mappings.rows())
    if (row.oid(Anum_pg_user_mapping_umserver - 1) == server)
      roles.push_back(row.oid(Anum_pg_user_mapping_umuser - 1));
  return roles;
}

void mend_role_holds(Oid extension) {
  const Oid server = server_of(extension);
  if (!OidIsValid(server)) return;
  const relation mappings(UserMappingRelationId, AccessShareLock);
  for (const row &row : mappings.rows())
    if (row.oid(Anum_pg_user_mapping_umserver - 1) == server)
      depend_on_extension(row.oid(Anum_pg_user_mapping_oid - 1), extension);
}

void hold_role(Oid extension, Oid role, Oid owner) {
  if (role == BOOTSTRAP_SUPERUSERID) return;
  const Oid server = server_of(extension);
  if (!OidIsValid(server)) return;
  const std::string name = role_name(role);
  const char *text = name.c_str();
  const pinned_identity as(owner);
  const Oid mapping = call([=] {
    auto *user = makeNode(RoleSpec);
    user->roletype = ROLESPEC_CSTRING;
    user->rolename = pstrdup(text);
    user->location = -1;
    auto *statement = makeNode(CreateUserMappingStmt);
    statement->user = user;
    statement->servername = pstrdup(server_name);
    return CreateUserMapping(statement).objectId;
  });
  depend_on_extension(mapping, extension);
  make_visible();
}

void let_go_of_role(Oid extension, Oid role) {
  const Oid server = server_of(extension);
  const Oid mapping = OidIsValid(server) ? mapping_of(server, role) : InvalidOid;
  if (!OidIsValid(mapping)) return;
  call([=] {
    ObjectAddress object;
    ObjectAddressSet(object, UserMappingRelationId, mapping);
    performDeletion(&object, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
  });
  make_visible();
}

bool is_role_held(Oid extension, Oid role) {
  if (role == BOOTSTRAP_SUPERUSERID) return true;
  const Oid server = server_of(extension);
  return OidIsValid(server) && OidIsValid(mapping_of(server, role));
}

}  // namespace dynpgext::pg
