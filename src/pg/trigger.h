// Triggers of a table, and when the server fires them.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

inline constexpr char fires_always = 'A';

// How a trigger of the table fires (tgenabled): 'A' always, 'R' on a replica, 'O' elsewhere, 'D'
// never; 0 if there is none of that name.  AccessShareLock on the table.
[[nodiscard]] char trigger_mode(Oid table, const char *trigger);

// Like ALTER TABLE, but without firing event triggers, which are foreign code.
// ShareRowExclusiveLock on the table.
void set_trigger_mode(Oid table, const char *trigger, char mode);

// Does the statement enable triggers of a table, in any way?
[[nodiscard]] bool enables_triggers(const Node *statement);

// The table whose triggers the statement enables, in any way; InvalidOid: none.
[[nodiscard]] Oid table_of_enabled_triggers(const Node *statement);

// The data of the call; an error if it was not called as a trigger.
const TriggerData &require_trigger(FunctionCallInfo fcinfo);

// Return value of a trigger function that lets the operation happen.
[[nodiscard]] Datum going_on(const TriggerData &data);

// Is this process an apply worker, or another process of logical replication?
[[nodiscard]] bool replicates();

}  // namespace dynpgext::pg
