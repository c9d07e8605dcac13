/*
 * Raises an error, or ends the process, at the place chosen with the setting dx_raise.at:
 *
 *   before, between, after   in init: before, between, after its registrations
 *   crash                    in init, between its registrations: abort()
 *   task                     in init, between its registrations: calls the function
 *                            public.dx_raise_task(), which a test creates
 *   fatal, exit              in init, between its registrations: ends the process
 *   subtransaction           in init, in a subtransaction with registrations, which catches it
 *   callback                 in the callback of the first allocation
 *   worker_callback          in the callback of the worker
 *   fini                     in fini
 *   none                     nowhere, the default
 */
#include "dx.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

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

static void
in_subtransaction(const dynpgext_handle *handle) {
  BackgroundWorker worker = dx_worker_named("dx undone", "dx_raise_main");
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;

  BeginInternalSubTransaction(NULL);
  handle->allocate_shmem(handle, "dx_raise:kept", 64, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  BeginInternalSubTransaction(NULL);
  handle->allocate_shmem(handle, "dx_raise:undone", 64, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  handle->register_bgworker(handle, &worker, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  RollbackAndReleaseCurrentSubTransaction();
  ReleaseCurrentSubTransaction();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
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
  if (is_at("task")) {
    SPI_connect();
    SPI_execute("SELECT public.dx_raise_task()", false, 0);
    SPI_finish();
  }
  if (is_at("exit"))
    proc_exit(0);
  if (is_at("fatal"))
    ereport(FATAL, (errmsg("dx_raise ends")));
  if (is_at("subtransaction"))
    in_subtransaction(handle);
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
