#include "model/own_version.h"

namespace dynpgext::model {

const char *own_version() noexcept { return DYNPGEXT_VERSION; }

}  // namespace dynpgext::model
