/* An extension that requires another: CREATE EXTENSION dx_requires CASCADE. */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "dx_requires:memory", 64, NULL, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
}
