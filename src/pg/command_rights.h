// Whom a command of SQL runs as, and whether it still may.
#pragma once

#include "pg/border.h"

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
};

// Its identity is not there any more, or is another one.
class identity_error : public error {
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
