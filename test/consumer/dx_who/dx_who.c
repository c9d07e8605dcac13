/*
 * Reports the role of its init.  The init waits while the file dx_who.wait exists in the data
 * directory, unless it is terminated or cancelled.
 */
#include "dx.h"

#include <unistd.h>

#include "catalog/namespace.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "dx_who:memory", 64, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  ereport(NOTICE, (errmsg("dx_who: %s, %s, %s", GetUserNameFromId(GetUserId(), false),
                          GetUserNameFromId(GetSessionUserId(), false), namespace_search_path)));
  while (access("dx_who.wait", F_OK) == 0) {
    pg_usleep(5000);
    CHECK_FOR_INTERRUPTS();
  }
}
