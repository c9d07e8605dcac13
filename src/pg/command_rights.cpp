#include "pg/command_rights.h"

#include "pg/database_mark.h"
#include "pg/left_objects.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/role_hold.h"
#include "pg/search_path.h"
#include "pg/strangers.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// Replaces its name.
constexpr std::string_view dropped_role = "with OID ";

}  // namespace

std::string foreign_owner(const command_role &c, std::span<const noted_owner> owners) {
  if (!c.foreign_owner.empty()) return c.foreign_owner;
  const std::vector<Oid> known = owners_in(c.owners);
  const bool is_copied = c.decided_in != database_mark();
  for (const noted_owner &owner : owners) {
    // the deciding role knew the owners of the template, but not that they would make a copy
    const bool counts = !is_copied || owner.of_template;
    const bool is_known =
        counts && std::find(known.begin(), known.end(), owner.role) != known.end();
    if (is_known || may_become(owner.role, c.role)) continue;
    const std::string name = role_name(owner.role);
    return name.empty() ? std::string(dropped_role) + std::to_string(owner.role) : name;
  }
  return {};
}

std::string text_of_foreign_owner(const std::string &owner, const std::string &role) {
  const std::string who = owner.starts_with(dropped_role) ? owner : '"' + owner + '"';
  return "role " + who + ", which has owned this database since, is not a member of role \"" +
         role + '"';
}

void check_rights(const command_role &c, const std::string &extension) {
  const auto lost = [](const std::string &why) {
    throw identity_error(ERRCODE_UNDEFINED_OBJECT, why);
  };
  const std::string name = role_name(c.role);
  const std::string by = role_name(c.registered_by);
  if (name.empty()) lost("the role that it ran as has been dropped");
  if (by.empty()) lost("the role that registered it has been dropped");
  const Oid dynpgext = extension_oid("dynpgext");
  for (const Oid role : {c.role, c.registered_by})
    if (!is_role_held(dynpgext, role))
      lost("role \"" + role_name(role) + "\" has given it up, with DROP OWNED");
  if (is_superuser(c.role) && !c.superuser)
    lost("role \"" + name + "\" has become a superuser, which nobody has named as such");
  const auto refuse = [](const std::string &why) {
    throw error(ERRCODE_INSUFFICIENT_PRIVILEGE, why);
  };
  if (const std::string owner = foreign_owner(c, database_owners()); !owner.empty())
    throw identity_error(ERRCODE_INSUFFICIENT_PRIVILEGE, text_of_foreign_owner(owner, name), {},
                         hint_of_foreign_owner);
  if (!may_become(c.registered_by, c.role))
    refuse("role \"" + by + "\", which registered it, is not a member of role \"" + name + "\"");
  if (!c.without_login && !has_login(c.role)) refuse("role \"" + name + "\" cannot log in");
  if (!may_connect(c.role)) refuse("role \"" + name + "\" may not connect to this database");
  // its text may name the schema, and the present schema of that name may be another one
  if (const std::string now = schemas_of(extension);
      !c.by_hand && !now.empty() && !are_called_so_still(c.schemas, now))
    refuse("the script of extension \"" + extension + "\" registered it in schema " + c.schemas +
           ", which is " + now + " now");
  if (is_superuser(c.role) && !c.by_hand) {
    stranger found = stranger_in_schema(extension, c.role);
    if (!found) found = stranger_in_members(extension, c.role);
    if (!found)
      if (const left_object left = left_in_schema(extension, c.role))
        refuse(left.text() + ", and the command of the script of extension \"" + extension +
               "\" would run as a superuser");
    if (found)
      refuse(found.text() + ", and the command of the script of extension \"" + extension +
             "\" would run as a superuser");
  }
  if (c.by_hand && !may_register(c.registered_by))
    refuse("role \"" + by + "\", which registered it, may not register any more");
}

}  // namespace dynpgext::pg
