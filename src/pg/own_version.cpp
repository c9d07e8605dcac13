#include "pg/own_version.h"

namespace dynpgext::pg {

const char *own_version() noexcept { return DYNPGEXT_VERSION; }

}  // namespace dynpgext::pg
