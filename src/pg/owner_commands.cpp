#include "pg/owner_commands.h"

#include "pg/database.h"
#include "pg/database_owners.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

struct copy {
  Oid from = InvalidOid;
  NameData name;
};
constinit copy new_copy{};

void note_change(Oid database, Oid owner) {
  note_database_owners(database, {database_owner(database), owner});
}

// A command that the server refuses changes no owner, and must not wait.
void note_alter_owner(const AlterOwnerStmt *statement) {
  if (statement->objectType != OBJECT_DATABASE) return;
  const Oid database = call([=] {
    const Oid id = get_database_oid(strVal(statement->object), true);
    const bool may = OidIsValid(id) && versions::owns(GetUserId(), DatabaseRelationId, id);
    return may ? id : InvalidOid;
  });
  const Oid owner = call([=] { return get_rolespec_oid(statement->newowner, true); });
  if (OidIsValid(database) && OidIsValid(owner)) note_change(database, owner);
}

void note_reassign_owned(const ReassignOwnedStmt *statement) {
  const List *roles = call([=] {
    List *from = NIL;
    for (int i = 0; i < list_length(statement->roles); ++i) {
      const Oid role =
          get_rolespec_oid(static_cast<RoleSpec *>(list_nth(statement->roles, i)), true);
      if (OidIsValid(role) && has_privs_of_role(GetUserId(), role)) from = lappend_oid(from, role);
    }
    return from;
  });
  const Oid owner = call([=] { return get_rolespec_oid(statement->newrole, true); });
  if (roles == NIL || !OidIsValid(owner)) return;
  std::vector<Oid> theirs;
  {
    const relation databases(DatabaseRelationId, AccessShareLock);
    for (const row &r : databases.rows())
      if (list_member_oid(roles, r.oid(Anum_pg_database_datdba - 1)))
        theirs.push_back(r.oid(Anum_pg_database_oid - 1));
  }
  for (const Oid database : theirs) note_change(database, owner);
}

void expect_copy(const CreatedbStmt *statement) {
  const std::optional<wanted_database> from =
      database_wanted_alone(reinterpret_cast<const Node *>(statement));
  if (!from) return;
  new_copy.from = from->id;
  namestrcpy(&new_copy.name, statement->dbname);
}

}  // namespace

void note_owners_changed_by(const Node *statement) {
  if (RecoveryInProgress() || XactReadOnly) return;
  switch (nodeTag(statement)) {
    case T_AlterOwnerStmt:
      return note_alter_owner(reinterpret_cast<const AlterOwnerStmt *>(statement));
    case T_ReassignOwnedStmt:
      return note_reassign_owned(reinterpret_cast<const ReassignOwnedStmt *>(statement));
    case T_CreatedbStmt: return expect_copy(reinterpret_cast<const CreatedbStmt *>(statement));
    default: return;
  }
}

bool makes_copy() { return OidIsValid(new_copy.from); }

void note_owners_of_new_copy() {
  const copy made = std::exchange(new_copy, {});
  const Oid to = call([&made] { return get_database_oid(NameStr(made.name), true); });
  if (!OidIsValid(to)) return;
  const active_snapshot snapshot;
  note_owners_of_copy(made.from, to);
}

void forget_new_copy() { new_copy = {}; }

}  // namespace dynpgext::pg
