/*
 * Ends the process that loads or provisions it, or keeps it busy, at the place chosen with the
 * setting dx_ends.at:
 *
 *   postmaster     in _PG_init: defines a setting that is allowed in the postmaster only
 *   load_exit      in _PG_init: proc_exit()
 *   load_wait      in _PG_init: waits without end
 *   eager          in _Dynpgext_eager_preload: FATAL
 *   wait           in init: waits without end, serving interrupts
 *   ignore         in init: the same, and handles the error of a cancel, once
 *   spin           in init: the same without serving interrupts
 *   worker         in the callback of its worker: waits without end
 *   fini           in fini: FATAL
 *   none           nowhere, the default
 */
#include "dx.h"

#include "storage/proc.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_ends_nothing);

extern DYNPGEXT_EXPORT void _PG_init(void);
extern DYNPGEXT_EXPORT void dx_ends_main(Datum argument);

static int buffers = 1;

static bool
is_at(const char *where) {
  return strcmp(dx_setting("dx_ends.at", "none"), where) == 0;
}

static void
wait_for_ever(void) {
  for (;;) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1000L,
                    PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
}

static void
handle_one_cancel(void) {
  MemoryContext context = CurrentMemoryContext;

  PG_TRY();
  { wait_for_ever(); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    FlushErrorState();
  }
  PG_END_TRY();
}

void
_PG_init(void) {
  if (is_at("postmaster"))
    DefineCustomIntVariable("dx_ends.buffers", "As libraries do that have to be preloaded.", NULL,
                            &buffers, 1, 1, 1000, PGC_POSTMASTER, 0, NULL, NULL, NULL);
  if (is_at("load_exit"))
    proc_exit(1);
  if (is_at("load_wait"))
    wait_for_ever();
}

bool
_Dynpgext_eager_preload(void) {
  if (is_at("eager"))
    ereport(FATAL, (errmsg("dx_ends ends: eager")));
  return true;
}

static void
worker_callback(BackgroundWorkerHandle *worker, void *data) {
  (void)worker;
  (void)data;
  if (is_at("worker"))
    wait_for_ever();
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  BackgroundWorker worker = dx_worker_named("dx ends", "dx_ends_main");

  handle->allocate_shmem(handle, "dx_ends:memory", 64, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  handle->register_bgworker(handle, &worker, worker_callback, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  if (is_at("ignore"))
    handle_one_cancel();
  if (is_at("wait") || is_at("ignore"))
    wait_for_ever();
  if (is_at("spin"))
    for (;;)
      pg_usleep(10000L);
}

void
_Dynpgext_fini(const dynpgext_handle *handle) {
  (void)handle;
  if (is_at("fini"))
    ereport(FATAL, (errmsg("dx_ends ends: fini")));
}

void
dx_ends_main(Datum argument) {
  (void)argument;
  dx_idle();
}

Datum
dx_ends_nothing(PG_FUNCTION_ARGS) {
  PG_RETURN_VOID();
}
