// shared_preload_libraries in the configuration files, for the next start of the server.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// The list as the next start would read it, in order.
[[nodiscard]] std::vector<std::string> next_preload_libraries();
// ALTER SYSTEM SET shared_preload_libraries; the caller must be allowed to.  Not transactional.
void set_next_preload_libraries(const std::vector<std::string> &libraries);

}  // namespace dynpgext::pg
