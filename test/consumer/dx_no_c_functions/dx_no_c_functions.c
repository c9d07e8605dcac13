/* A library of an extension without SQL: only the control file names it. */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "dx_no_c_functions:memory", 64, NULL, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
}
