// Makes event triggers fire at the end of the command that creates them.
//
// At the start of a command, the server checks for event triggers of the kinds that need a record
// of its effects.  If there are none, it fires none at the end.  So CREATE EXTENSION dynpgext, and
// CREATE EXTENSION x CASCADE that creates dynpgext, would not fire dynpgext's own, and x would be
// unknown until the commit.  This unit does the server's preparation later, while the command runs.
// If other event triggers exist, the server has already done it.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// In the script of an extension that has created event triggers.
void fire_at_command_end();

// In such a trigger, after its work, and at the end of a (sub)transaction without it: undoes the
// preparation.
void leave_command() noexcept;
// For the abort of a subtransaction: undoes only a preparation in it, or in an inner one.
void leave_aborted_command() noexcept;

}  // namespace dynpgext::pg
