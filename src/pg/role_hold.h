// Roles that this database needs: DROP ROLE is refused for them, as for owners.
//
// The server knows no dependency of an extension's own kind: DROP OWNED and REASSIGN OWNED raise an
// error for a dependent object of a class that they do not handle.  So a role is held by an object
// that they do handle as it should be, a user mapping for it on the server "dynpgext_workers",
// which belongs to the extension and connects to nothing.  DROP ROLE is refused ("owner of user
// mapping for ... on server dynpgext_workers"), REASSIGN OWNED leaves it alone, DROP OWNED drops
// it.  The bootstrap superuser cannot be dropped, and is not held.
#pragma once

#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// Before a transaction that needs the roles `before` comes to need `wanted`, until its end.  Those
// that need a role that is held do not wait for each other; whoever is the first to need it waits
// for all others.  Returns the roles that may be let go of, if nobody needs them: of others an open
// transaction may come to need them.  Those stay held; a visit, reload(), or the next who stops
// needing them lets go.
[[nodiscard]] std::vector<Oid> lock_role_holds(Oid extension, const std::vector<Oid> &before,
                                               const std::vector<Oid> &wanted);
// Before a transaction that lets go of roles which nobody needs, until its end: the turn to do so.
// Without `waits`, false when another one has it.
[[nodiscard]] bool lock_letting_go(Oid extension, bool waits);
// All that are held.
[[nodiscard]] std::vector<Oid> held_roles(Oid extension);

// After pg_upgrade, which makes the mappings anew: DROP EXTENSION takes them along again.
void mend_role_holds(Oid extension);
// `owner`: who owns the extension.
void hold_role(Oid extension, Oid role, Oid owner);
void let_go_of_role(Oid extension, Oid role);
[[nodiscard]] bool is_role_held(Oid extension, Oid role);

}  // namespace dynpgext::pg
