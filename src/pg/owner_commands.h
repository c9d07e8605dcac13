// Commands that change who owns databases, or copy them: whoever has owned one is noted with the
// command (pg/database_owners.h), where the library is loaded.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Before the statement runs, in its transaction: the owners that its databases have, and get; and
// which copy it is about to make.
void note_owners_changed_by(const Node *statement);
[[nodiscard]] bool makes_copy();
// Before the commit of the statement that has made the copy; it may fail, and says so.
void note_owners_of_new_copy();
void forget_new_copy();

}  // namespace dynpgext::pg
