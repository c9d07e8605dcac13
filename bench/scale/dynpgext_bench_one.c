/*
 * One allocation: the smallest extension that takes part with a library.
 */
#include "dynpgext.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "dynpgext_bench_one:memory", 64, NULL, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
}
