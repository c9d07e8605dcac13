// Whom a command of SQL runs as, and whether it still may.
#pragma once

#include "pg/database_owners.h"

namespace dynpgext::pg {

// As it was decided when the command was registered.
struct command_role {
  Oid role = InvalidOid;
  Oid registered_by = InvalidOid;
  bool superuser = false;
  bool without_login = false;
  bool by_hand = false;
  std::string schemas = {};     // see schemas_of(), when it was
  std::string decided_in = {};  // mark of the database that it was
  // See model::command_identity.
  std::string owners = {};
  std::string foreign_owner = {};
};

// Who of the owners of the database came after the role was decided, and is no member of it; empty:
// nobody.  Whoever owns a database, or makes a copy of it, decides what is in it, and
// what he has left there does not go when the database is another one's.  In a transaction.
[[nodiscard]] std::string foreign_owner(const command_role &c, std::span<const noted_owner> owners);
// As messages say it, and what to do.
inline constexpr const char *hint_of_foreign_owner =
    "Look at the database first: the command may run code that this role has left there. Then a "
    "superuser registers the command again, with dynpgext.register().";
[[nodiscard]] std::string text_of_foreign_owner(const std::string &owner, const std::string &role);

// Its identity is not there any more, or is another one.
class identity_error : public error {
 public:
  using error::error;
};

// What may have changed since it was registered.  identity_error, or ERROR 42501 where a right is
// missing that may come back.  In a transaction.
//
// The script of an extension names objects in the schema of the extension.  Whoever can create
// objects there can put others in their place, whatever the search_path is, and whoever can put a
// trigger on one of its tables has code run as whoever writes the table: then nothing of a script
// runs as a superuser.
void check_rights(const command_role &c, const std::string &extension);

// Can a process be a role without LOGIN?
using versions::can_be_without_login;

}  // namespace dynpgext::pg
