/* As many registrations as one init may make: dx_thousand:1 to dx_thousand:1000. */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  char name[32];

  for (int i = 1; i <= DYNPGEXT_MAX_REGISTRATIONS; i++) {
    snprintf(name, sizeof(name), "dx_thousand:%d", i);
    handle->allocate_shmem(handle, name, 8, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  }
}
