/*
 * Raises, or takes the process down, where the setting dx_raise.at says:
 *
 *   before, between, after   in init: before, amid, after its registrations
 *   crash                    in init, amid its registrations: abort()
 *   callback                 in the callback of the first allocation
 *   worker_callback          in the callback of the worker
 *   fini                     in fini
 *   none                     nowhere, as without the setting
 */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

extern DYNPGEXT_EXPORT void dx_raise_main(Datum argument);

static bool
is_at(const char *where) {
  return strcmp(dx_setting("dx_raise.at", "none"), where) == 0;
}

static void
raise_at(const char *where) {
  if (is_at(where))
    ereport(ERROR, (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("dx_raise raises: %s", where),
                    errdetail("a detail of dx_raise"), errhint("a hint of dx_raise")));
}

static void
memory_callback(void *ptr, void *data) {
  (void)ptr;
  (void)data;
  raise_at("callback");
}

static void
worker_callback(BackgroundWorkerHandle *worker, void *data) {
  (void)worker;
  (void)data;
  raise_at("worker_callback");
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  BackgroundWorker worker = dx_worker_named("dx raise", "dx_raise_main");

  raise_at("before");
  handle->allocate_shmem(handle, "dx_raise:first", 64, memory_callback, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
  handle->register_bgworker(handle, &worker, worker_callback, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  raise_at("between");
  if (is_at("crash"))
    abort();
  handle->allocate_shmem(handle, "dx_raise:second", 64, NULL, NULL, DYNPGEXT_SCOPE_GLOBAL);
  raise_at("after");
}

void
_Dynpgext_fini(const dynpgext_handle *handle) {
  (void)handle;
  raise_at("fini");
}

void
dx_raise_main(Datum argument) {
  (void)argument;
  dx_idle();
}
