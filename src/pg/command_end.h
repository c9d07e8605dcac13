// Event triggers that a command has made fire at its end, too.
//
// The server looks at the start of a command whether there are event triggers of the kinds that
// need to know what it does, and at its end fires none where there were none.  So CREATE EXTENSION
// dynpgext, and CREATE EXTENSION x CASCADE that brings it along, would not fire dynpgext's own, and
// x would not be known until the commit.  What the server prepares at the start is prepared here
// later, while the command runs.  Where other event triggers have existed already, the server has
// done so itself.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// In the script of an extension that has made event triggers.
void fire_at_command_end();

// In such a trigger, when its work is done, and at the end of a (sub)transaction that has not got
// so far: what was prepared is undone.
void leave_command() noexcept;
// For the abort of a subtransaction: only what was prepared in it, or in one within.
void leave_aborted_command() noexcept;

}  // namespace dynpgext::pg
