/* The library of the extension "Dx Quoted ""name". */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "dx_quoted:memory", 64, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
}
