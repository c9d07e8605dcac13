/* Takes part, without functions to call. */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
