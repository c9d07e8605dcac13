// The role that an SQL command runs as, and whether it still may.
#pragma once

#include "pg/database_owners.h"

namespace dynpgext::pg {

// As decided when the command was registered.
struct command_role {
  Oid role = InvalidOid;
  Oid registered_by = InvalidOid;
  bool superuser = false;
  bool without_login = false;
  bool by_hand = false;
  std::string schemas = {};     // see schemas_of(), at that time
  std::string decided_in = {};  // mark of the database in which it was decided
  // See model::command_identity.
  std::string owners = {};
  std::string foreign_owner = {};
};

// The first owner of the database since the role was decided who is not a member of it; empty:
// none.  The owner of a database, or a role that copies it, decides about its content, and leaves
// it to the next owner.  In a transaction.
[[nodiscard]] std::string foreign_owner(const command_role &c, std::span<const noted_owner> owners);
// For messages, with the remedy.
inline constexpr const char *hint_of_foreign_owner =
    "Look at the database first: the command may run code that this role has left there. Then a "
    "superuser registers the command again, with dynpgext.register().";
[[nodiscard]] std::string text_of_foreign_owner(const std::string &owner, const std::string &role);

// Its identity no longer exists, or has changed.
class identity_error : public error {
 public:
  using error::error;
};

// Checks everything that may have changed since the registration. identity_error, or ERROR 42501
// for a missing right that may be granted again.  In a transaction.
//
// The script of an extension names objects in the schema of the extension.  A role that can create
// objects there can replace them, whatever the search_path is.  A role that can put a trigger on
// one of its tables has code run as the role that writes the table.  Then no command of a script
// runs as a superuser.
void check_rights(const command_role &c, const std::string &extension);

// Can a process use a role without LOGIN?
using versions::can_be_without_login;

}  // namespace dynpgext::pg
