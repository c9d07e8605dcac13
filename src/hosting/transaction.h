// What the transaction under way has hosted and unhosted, and what follows at its end.
//
// A library that is hosted is there at once, for this session alone: others get it from the commit
// on, and a rollback, to a savepoint too, takes it away.  A library that is unhosted goes with the
// commit.
#pragma once

#include "hosting/block.h"

namespace dynpgext::hosting {

// Registers the transaction callbacks; once in a process, after provisioning::watch_transactions():
// an instance is committed before its workers start.
void watch_transactions();

// `replaces`: another instance, which goes with the commit and stays with a rollback; 0: none.
void note_hosted(uint64 number, uint64 replaces = 0);
void note_unhosted(uint64 number);
// Is it about to go with this transaction?
[[nodiscard]] bool is_unhosted(uint64 number);
// session_preload_libraries has been changed: with the commit the server reads its configuration.
void note_changed_configuration();

}  // namespace dynpgext::hosting
