// shared_preload_libraries and session_preload_libraries in the configuration files, for the next
// start of the server, or the next reading of the files.
//
// Only postgresql.conf and ALTER SYSTEM count as the DBA's own.  If a tool writes the list
// (Patroni, an included file, the command line), an entry of ALTER SYSTEM would have no effect, or
// would hide later changes by the tool; and pg_rewind copies it to other servers.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

inline constexpr const char *shared_preload_libraries = "shared_preload_libraries";
inline constexpr const char *session_preload_libraries = "session_preload_libraries";

// The list of one of the two as it would be read next, in order.
[[nodiscard]] std::vector<std::string> next_libraries(const char *setting);
// ALTER SYSTEM SET; RESET if the other files have the same list.  The caller must be allowed to.
// Not transactional.  55000 if a tool manages the setting.
void set_next_libraries(const char *setting, const std::vector<std::string> &libraries);

}  // namespace dynpgext::pg
