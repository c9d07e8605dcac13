#include "pg/command_rights.h"

#include "pg/database_mark.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/role_hold.h"
#include "pg/search_path.h"
#include "pg/strangers.h"
#include "pg/transaction.h"

namespace dynpgext::pg {

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
  // whoever makes a copy decides what is in it
  if (c.decided_in != database_mark())
    if (const Oid owner = database_owner(); !may_become(owner, c.role))
      refuse("this database is a copy of the one that it was registered in, and its owner \"" +
             role_name(owner) + "\" is no member of role \"" + name + "\"");
  if (!may_become(c.registered_by, c.role))
    refuse("role \"" + by + "\", which registered it, is no member of role \"" + name + "\"");
  if (!c.without_login && !has_login(c.role)) refuse("role \"" + name + "\" cannot log in");
  if (!may_connect(c.role)) refuse("role \"" + name + "\" may not connect to this database");
  // its text may name the schema, and whoever has that name by now decides what is in it
  if (const std::string now = schemas_of(extension);
      !c.by_hand && !now.empty() && !are_called_so_still(c.schemas, now))
    refuse("the script of extension \"" + extension + "\" registered it in schema " + c.schemas +
           ", which is " + now + " now");
  if (is_superuser(c.role) && !c.by_hand) {
    stranger found = stranger_in_schema(extension, c.role);
    if (!found) found = stranger_in_members(extension, c.role);
    if (found)
      refuse(found.text() + ", and the command of the script of extension \"" + extension +
             "\" would run as a superuser");
  }
  if (c.by_hand && !may_register(c.registered_by))
    refuse("role \"" + by + "\", which registered it, may not register any more");
}

}  // namespace dynpgext::pg
