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

// Whoever makes a role needed takes this lock first, and whoever finds that it is needed no longer:
// until the end of the transaction the other one waits.  `roles` may name one twice.
void lock_role_holds(std::vector<Oid> roles);

// After pg_upgrade, which makes the mappings anew: DROP EXTENSION takes them along again.
void mend_role_holds(Oid extension);
// `owner`: who owns the extension.
void hold_role(Oid extension, Oid role, Oid owner);
void let_go_of_role(Oid extension, Oid role);
[[nodiscard]] bool is_role_held(Oid extension, Oid role);

}  // namespace dynpgext::pg
