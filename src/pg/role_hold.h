// Roles that this database needs: DROP ROLE is refused for them, as for owners.
//
// The server has no dependencies of an extension's own kind: DROP OWNED and REASSIGN OWNED raise an
// error for dependent objects of an unknown class.  So a role is held by an object that they handle
// in the desired way, a user mapping for it on the server "dynpgext_workers", which belongs to the
// extension and connects to nothing.  DROP ROLE is refused ("owner of user mapping for ... on
// server dynpgext_workers"), REASSIGN OWNED keeps it, DROP OWNED drops it.  The bootstrap superuser
// cannot be dropped, and is not held.
#pragma once

#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// Before a transaction changes its needed roles from `before` to `wanted`, until its end.
// Transactions that need a role that is already held do not wait for each other; the first one to
// need it waits for all others.  Returns the roles that may be released, if nobody needs them: an
// open transaction may come to need the others.  Those stay held; a visit, reload(), or the next
// transaction that stops needing them releases them.
[[nodiscard]] std::vector<Oid> lock_role_holds(Oid extension, const std::vector<Oid> &before,
                                               const std::vector<Oid> &wanted);
// Before a transaction that releases roles which nobody needs, until its end: the turn to do so.
// Without `waits`, false if another transaction has it.
[[nodiscard]] bool lock_letting_go(Oid extension, bool waits);
// All that are held.
[[nodiscard]] std::vector<Oid> held_roles(Oid extension);

// After pg_upgrade, which makes the mappings anew: restores their dependency on the extension.
void mend_role_holds(Oid extension);
// `owner`: the owner of the extension.
void hold_role(Oid extension, Oid role, Oid owner);
void let_go_of_role(Oid extension, Oid role);
[[nodiscard]] bool is_role_held(Oid extension, Oid role);

}  // namespace dynpgext::pg
