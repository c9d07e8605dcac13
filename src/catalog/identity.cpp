#include "catalog/identity.h"

#include "pg/command_rights.h"
#include "pg/database_owners.h"
#include "pg/role.h"

namespace dynpgext::catalog {
namespace {

// A new role with the name of a dropped one is another role.
Oid role_here(const pg::role_reference &role) {
  if (OidIsValid(role.role)) return pg::role_name(role.role).empty() ? InvalidOid : role.role;
  return role.name.empty() ? InvalidOid : pg::role_oid(role.name);
}

}  // namespace

model::command_identity resolve(const store::identity_row &row) {
  model::command_identity who;
  who.registered_by = role_here(row.registered_by);
  const Oid role = role_here(row.run_as);
  const bool is_same = OidIsValid(role) && OidIsValid(who.registered_by) &&
                       (row.superuser || !pg::is_superuser(role));
  if (is_same) who.role = role;
  who.superuser = row.superuser;
  who.without_login = row.without_login;
  who.by_hand = row.by_hand;
  who.decided_in = row.decided_in;
  who.owners = pg::text_of(pg::database_owners());
  who.foreign_owner = row.foreign_owner;
  return who;
}

bool is_same_identity(model::command_identity a, const model::command_identity &b) {
  a.decided_in = b.decided_in;
  a.owners = b.owners;
  return a == b;
}

bool is_undecided(const model::command_identity &who) { return is_same_identity(who, undecided()); }

model::command_identity undecided() { return {.by_hand = true}; }

std::string why_not(const model::command &command, const std::vector<store::identity_row> &rows) {
  if (OidIsValid(command.identity.role))
    return command.identity.foreign_owner.empty()
               ? std::string()
               : pg::text_of_foreign_owner(command.identity.foreign_owner, command.run_as);
  for (const store::identity_row &row : rows) {
    if (!row.counts() || row.extension != command.extension || row.worker != command.worker)
      continue;
    for (const pg::role_reference *role : {&row.run_as, &row.registered_by})
      if (!role->name.empty() && !OidIsValid(role_here(*role)))
        return "role \"" + role->name + "\" does not exist";
    const Oid role = role_here(row.run_as);
    if (OidIsValid(role) && !row.superuser && pg::is_superuser(role))
      return "role \"" + pg::role_name(role) + "\" is a superuser, which nobody has named as such";
  }
  if (is_undecided(command.identity))
    return "it comes from rows of tables, which name no role: a superuser has to register it, with "
           "dynpgext.register() and run_as";
  return "it has no role to run as: a superuser has to name one with run_as";
}

}  // namespace dynpgext::catalog
