/* One allocation of exactly 1 MiB. */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "dx_bytes:mib", 1024 * 1024, NULL, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
}
