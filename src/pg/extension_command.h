// Commands on extensions: which extensions of this database a statement drops, updates or moves.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// Can it be such a statement?  Examines only the statement.
[[nodiscard]] bool may_concern_extensions(const Node *statement);

// Those of `candidates` (names) that the statement drops, also by a cascade, updates, or moves to
// another schema.  All of them if it drops dynpgext.  None if the server refuses the statement
// anyway: for the current user, in a read-only transaction, on a standby.
//
// Takes no locks on the objects, so the answer reflects the catalogs at this moment.  Raises only
// errors of the statement itself.
[[nodiscard]] std::vector<std::string>
extensions_wanted_alone(const Node *statement, const std::vector<std::string> &candidates);

// The locks of a DROP on these extensions, until the end of the transaction.  Commands other than
// DROP take no such lock, and this takes none for them.
void lock_dropped(const Node *statement, const std::vector<std::string> &extensions);

}  // namespace dynpgext::pg
