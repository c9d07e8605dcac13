// What the command has done that an event trigger is called for.  Takes no locks on the objects.
#pragma once

#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// At ddl_command_end: the relations that the command has created or altered.
[[nodiscard]] std::vector<Oid> changed_relations();

// At sql_drop: is an extension among the objects that the command has dropped?
[[nodiscard]] bool has_dropped_extension();

}  // namespace dynpgext::pg
