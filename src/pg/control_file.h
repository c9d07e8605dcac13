// The library of an extension, according to its control files.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// module_pathname of an extension and version, from its control file and the secondary one for the
// version; empty if they name none or are gone.
[[nodiscard]] std::string module_pathname(const std::string &extension, const std::string &version);

}  // namespace dynpgext::pg
