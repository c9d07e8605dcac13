// Commands that change the owners of databases, or copy them: the owners are recorded with the
// command (pg/database_owners.h), if the library is loaded.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Before the statement runs, in its transaction: the old and new owners of its databases; and the
// copy that it is about to make.
void note_owners_changed_by(const Node *statement);
[[nodiscard]] bool makes_copy();
// Before the commit of the statement that has made the copy; a failure is reported.
void note_owners_of_new_copy();
void forget_new_copy();

}  // namespace dynpgext::pg
