// Who, beside the role that a command runs as, can decide what the command does.
//
// A stranger to a role is anybody but superusers and those who may become the role.  Whoever can
// create objects in the schema of an extension decides what names in it mean.  The code of a
// trigger on a table runs as whoever writes the table, so whoever can put a trigger there decides
// what a writer does.  Up to PostgreSQL 17 a foreign key does the same: where it cascades, the
// triggers of the other table run as whoever writes this one.  The owner of a function can replace
// the function, that of a domain can add a CHECK to it which calls one, and so on.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

struct stranger {
  std::string who;  // as messages name it: role "x", or everybody; empty: there is none
  std::string can;  // create objects in schema "s"

  explicit operator bool() const { return !who.empty(); }
  [[nodiscard]] std::string text() const { return who + " can " + can; }
};

// Is one to the other?
[[nodiscard]] bool is_stranger(Oid who, Oid role);
// The first stranger to `role` who can create objects in the schema of the extension.
[[nodiscard]] stranger stranger_in_schema(const std::string &extension, Oid role);
// The first one who can change what a member of the extension does, of whatever kind it is, or who
// can create objects in a schema that has some.  The cost grows with the number of members, and not
// with that of roles or tables.
[[nodiscard]] stranger stranger_in_members(const std::string &extension, Oid role);

// Do tables or views belong to the extension?
[[nodiscard]] bool has_tables(const std::string &extension);

}  // namespace dynpgext::pg
