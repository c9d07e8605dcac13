// What an extension's control files say about its library.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// module_pathname of an extension and version, from its control file and the secondary one
// for the version; empty when they name none or are gone.
[[nodiscard]] std::string module_pathname(const std::string &extension, const std::string &version);

}  // namespace dynpgext::pg
