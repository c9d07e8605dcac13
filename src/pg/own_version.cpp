#include "pg/own_version.h"

namespace dynpgext::pg {

#ifdef DYNPGEXT_TEST_VERSION
#define AS_TEXT(version) #version
#define TEXT_OF(macro) AS_TEXT(macro)
const char *own_version() noexcept { return TEXT_OF(DYNPGEXT_TEST_VERSION); }
#else
const char *own_version() noexcept { return DYNPGEXT_VERSION; }
#endif

}  // namespace dynpgext::pg
