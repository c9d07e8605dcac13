// Objects of a schema that a stranger owns (see pg/strangers.h), whether or not the stranger may
// still create any there.
//
// A command that searches the schema, or the text of a script that names it, may find them: a
// function that matches better than the intended one, a table with a trigger, a type with an
// implicit cast.  Members of the extension itself are not included: stranger_in_members() checks
// those.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

struct left_object {
  std::string who;   // role "x"; empty: none
  std::string what;  // as the server describes it

  explicit operator bool() const { return !who.empty(); }
  [[nodiscard]] std::string text() const { return who + " owns " + what; }
};

// The first one found in the schema of the extension, for a command that runs as `role`.  In a
// transaction.  A process caches the result until objects, roles or memberships of roles change;
// the server announces no change of extension membership.
[[nodiscard]] left_object left_in_schema(const std::string &extension, Oid role);

}  // namespace dynpgext::pg
