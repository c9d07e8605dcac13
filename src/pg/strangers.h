// Roles other than the command's that can change the effect of a command.
//
// A stranger to a role is any role except superusers and those that may become the role.  A role
// that can create objects in the schema of an extension decides the meaning of names in it.  The
// code of a trigger on a table runs as the role that writes the table, so a role that can put a
// trigger there decides what a writer does.  Up to PostgreSQL 17 a foreign key does the same: when
// it cascades, the triggers of the other table run as the role that writes this one.  The owner of
// a function can replace it, the owner of a domain can add a CHECK that calls one, and so on.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

struct stranger {
  std::string who;  // for messages: role "x", or everybody; empty: none
  std::string can;  // for example: create objects in schema "s"

  explicit operator bool() const { return !who.empty(); }
  [[nodiscard]] std::string text() const { return who + " can " + can; }
};

// Is `who` a stranger to `role`?
[[nodiscard]] bool is_stranger(Oid who, Oid role);
// The first stranger to `role` who can create objects in the schema of the extension.
[[nodiscard]] stranger stranger_in_schema(const std::string &extension, Oid role);
// The first one who can change the effect of a member of the extension, of any kind, or who can
// create objects in a schema with members.  The cost grows with the number of members, not with
// that of roles or tables.
[[nodiscard]] stranger stranger_in_members(const std::string &extension, Oid role);

// Has the extension tables or views as members?
[[nodiscard]] bool has_tables(const std::string &extension);

}  // namespace dynpgext::pg
