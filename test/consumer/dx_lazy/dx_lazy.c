/* Provisioned by dynpgext.load() only. */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

extern DYNPGEXT_EXPORT void dx_lazy_main(Datum argument);

bool
_Dynpgext_eager_preload(void) {
  return false;
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  BackgroundWorker worker = dx_worker_named("dx lazy", "dx_lazy_main");

  handle->allocate_shmem(handle, "dx_lazy:memory", 64, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  handle->register_bgworker(handle, &worker, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
}

void
dx_lazy_main(Datum argument) {
  (void)argument;
  dx_idle();
}
