/* An extension that the owner of a database may create. */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "dx_trusted:memory", 64, NULL, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
}
