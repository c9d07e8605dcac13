/* Takes part, and has nothing to be called. */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
