// shared_preload_libraries in the configuration files, for the next start of the server.
//
// Only postgresql.conf and ALTER SYSTEM are taken for the DBA's own.  Where a tool writes the list
// (Patroni, an included file, the command line), an entry of ALTER SYSTEM would be without effect,
// or would hide what the tool writes later; and pg_rewind carries it to other servers.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// The list as the next start would read it, in order.
[[nodiscard]] std::vector<std::string> next_preload_libraries();
// ALTER SYSTEM SET shared_preload_libraries; RESET where the other files have the same list.  The
// caller must be allowed to.  Not transactional.  55000 where somebody else manages the setting.
void set_next_preload_libraries(const std::vector<std::string> &libraries);

}  // namespace dynpgext::pg
