// Triggers of a table, as the server would fire them now.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

inline constexpr char fires_always = 'A';

// How a trigger of the table fires (tgenabled): 'A' always, 'R' on a replica, 'O' elsewhere, 'D'
// never; 0 where there is none of that name.  AccessShareLock on the table.
[[nodiscard]] char trigger_mode(Oid table, const char *trigger);

// As ALTER TABLE does it, but that no event trigger fires: its code is others'.
// ShareRowExclusiveLock on the table.
void set_trigger_mode(Oid table, const char *trigger, char mode);

// Does the statement switch triggers of a table on, in whichever way?
[[nodiscard]] bool enables_triggers(const Node *statement);

// The table whose triggers the statement switches on, in whichever way; InvalidOid: none.
[[nodiscard]] Oid table_of_enabled_triggers(const Node *statement);

// What it was called for; an error where it was not called by a trigger.
const TriggerData &require_trigger(FunctionCallInfo fcinfo);

// What the function of a trigger returns, so that what it was called for is done.
[[nodiscard]] Datum going_on(const TriggerData &data);

// Is this process an apply worker, or another one, of logical replication?
[[nodiscard]] bool replicates();

}  // namespace dynpgext::pg
