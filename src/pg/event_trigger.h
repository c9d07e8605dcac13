// The effects of the command that fired an event trigger.  Takes no locks on the objects.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// At ddl_command_end: the relations that the command has created or altered.
[[nodiscard]] std::vector<Oid> changed_relations();

// At sql_drop: names of the extensions that the command has dropped.
[[nodiscard]] std::vector<std::string> dropped_extensions();

}  // namespace dynpgext::pg
