// What the current transaction hosts and unhosts, and the actions at its end.
//
// A library is hosted at once, but only for this session: others get it with the commit, and a
// rollback, also to a savepoint, removes it.  A library is unhosted with the commit.
#pragma once

#include "hosting/block.h"

namespace dynpgext::hosting {

// Registers the transaction callbacks; once in a process, after provisioning::watch_transactions():
// an instance is committed before its workers start.
void watch_transactions();

// `replaces`: another instance, removed by the commit and kept by a rollback; 0: none.
void note_hosted(uint64 number, uint64 replaces = 0);
void note_unhosted(uint64 number);
// Does this transaction remove it?
[[nodiscard]] bool is_unhosted(uint64 number);
// The lists in the configuration may have changed: at the end of the transaction the server rereads
// them.  A visit follows a rollback, also to a savepoint, and corrects them.
void note_changed_configuration();
// The lists may have to be corrected after the commit.
void note_changed_rows();

}  // namespace dynpgext::hosting
