/*
 * Takes names that other extensions want: a global one (dx_taken.global) and a local one
 * (dx_taken.local), each of dx_taken.size bytes; none for an unset setting.
 */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  const char *global = dx_setting("dx_taken.global", NULL);
  const char *local = dx_setting("dx_taken.local", NULL);
  size_t size = strtoul(dx_setting("dx_taken.size", "64"), NULL, 10);

  if (global != NULL)
    handle->allocate_shmem(handle, global, size, NULL, NULL, DYNPGEXT_SCOPE_GLOBAL);
  if (local != NULL)
    handle->allocate_shmem(handle, local, size, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
}
