/*
 * A library for shared_preload_libraries, independent of dynpgext, that uses everything that the
 * server offers such libraries: shared memory, a hash table, locks, hooks, settings of the server's
 * start, static and dynamic workers, callbacks at shutdown, and a check whether it runs in the
 * postmaster.
 */
#include "dx.h"

#include <executor/executor.h>
#include <pgstat.h>
#include <postmaster/interrupt.h>
#include <storage/ipc.h>
#include <storage/latch.h>
#include <storage/lwlock.h>
#include <storage/shmem.h>
#include <tcop/tcopprot.h>
#include <utils/hsearch.h>
#include <utils/wait_event.h>

PG_MODULE_MAGIC;

typedef struct shared {
  LWLock *lock;           /* of its tranche */
  struct shared *address; /* of this struct, in the process that made it */
  int value;
  int ticks;       /* of the static worker */
  int dynamic_ran; /* argument of a dynamic worker */
  bool made_by_postmaster;
  bool worker_argument_is_mine;
} shared;

typedef struct pair {
  int key;
  int value;
} pair;

static shared *state;
static HTAB *pairs;
static int max;
static int size_mb;
static bool noisy;
static char *fails;
static int statements; /* counted by this process's hook */
static int token;      /* its address is the argument of the static worker */

static shmem_request_hook_type previous_request;
static shmem_startup_hook_type previous_startup;
static ExecutorStart_hook_type previous_start;

/* pointers in the library's own data are redirected, too */
static void *(*volatile init_struct)(const char *, Size, bool *) = ShmemInitStruct;
static bool *volatile under_postmaster = &IsUnderPostmaster;

extern DYNPGEXT_EXPORT void _PG_init(void);
extern DYNPGEXT_EXPORT void dx_hosted_main(Datum argument);
extern DYNPGEXT_EXPORT void dx_hosted_dynamic(Datum argument);

static void
fail_at(const char *place) {
  if (fails == NULL || strcmp(fails, place) != 0)
    return;
  elog(ERROR, "dx_hosted fails at %s", place);
}

static void
crash_at(const char *place) {
  if (fails != NULL && strncmp(fails, "crash ", 6) == 0 && strcmp(fails + 6, place) == 0)
    abort();
}

static void
request(void) {
  if (previous_request)
    previous_request();
  fail_at("request");
  RequestAddinShmemSpace(MAXALIGN(sizeof(shared)) + hash_estimate_size(100, sizeof(pair)) +
                         (Size)size_mb * 1024 * 1024);
  RequestNamedLWLockTranche("dx_hosted", 2);
}

static void
at_shutdown(int code, Datum argument) {
  FILE *file;

  (void)argument;
  if (code != 0 || (file = fopen("dx_hosted.shutdown", "w")) == NULL)
    return;
  fprintf(file, "%d\n", state->value);
  fclose(file);
}

static void
startup(void) {
  bool found;
  HASHCTL control;

  if (previous_startup)
    previous_startup();
  fail_at("startup");
  crash_at("startup");
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  state = init_struct("dx_hosted", sizeof(shared), &found);
  if (!found) {
    state->lock = &GetNamedLWLockTranche("dx_hosted")[1].lock;
    state->address = state;
    state->made_by_postmaster = !*under_postmaster;
  }
  memset(&control, 0, sizeof(control));
  control.keysize = sizeof(int);
  control.entrysize = sizeof(pair);
#if PG_VERSION_NUM >= 190000
  pairs = ShmemInitHash("dx_hosted pairs", 100, &control, HASH_ELEM | HASH_BLOBS);
#else
  pairs = ShmemInitHash("dx_hosted pairs", 10, 100, &control, HASH_ELEM | HASH_BLOBS);
#endif
  LWLockRelease(AddinShmemInitLock);
  if (!*under_postmaster)
    on_shmem_exit(at_shutdown, (Datum)0);
}

static void
executor_start(QueryDesc *query, int flags) {
  statements++;
  if (previous_start)
    previous_start(query, flags);
  else
    standard_ExecutorStart(query, flags);
}

void
_PG_init(void) {
  BackgroundWorker worker;

  if (!process_shared_preload_libraries_in_progress)
    elog(ERROR, "dx_hosted must be loaded via shared_preload_libraries");
  DefineCustomIntVariable("dx_hosted.max", "Sets a number.", NULL, &max, 3, 0, 100, PGC_POSTMASTER,
                          0, NULL, NULL, NULL);
  DefineCustomIntVariable("dx_hosted.size", "Sets how many MB it requests.", NULL, &size_mb, 0, 0,
                          1000000, PGC_POSTMASTER, 0, NULL, NULL, NULL);
  DefineCustomBoolVariable("dx_hosted.noisy", "Sets whether it logs.", NULL, &noisy, false,
                           PGC_SIGHUP, 0, NULL, NULL, NULL);
  DefineCustomStringVariable("dx_hosted.fails", "Sets where it fails.", NULL, &fails, "",
                             PGC_POSTMASTER, 0, NULL, NULL, NULL);
  fail_at("init");
  crash_at("init");
  if (noisy)
    elog(LOG, "dx_hosted says hello");
  previous_request = shmem_request_hook;
  shmem_request_hook = request;
  previous_startup = shmem_startup_hook;
  shmem_startup_hook = startup;
  previous_start = ExecutorStart_hook;
  ExecutorStart_hook = executor_start;

  memset(&worker, 0, sizeof(worker));
  strcpy(worker.bgw_name, "dx hosted");
  strcpy(worker.bgw_type, "dx hosted");
  strcpy(worker.bgw_library_name, "dx_hosted");
  strcpy(worker.bgw_function_name, "dx_hosted_main");
  strcpy(worker.bgw_extra, "extra");
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = 1;
  worker.bgw_main_arg = PointerGetDatum(&token);
  RegisterBackgroundWorker(&worker);
}

void
dx_hosted_main(Datum argument) {
  crash_at("worker");
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection("postgres", NULL, 0);
  state->worker_argument_is_mine = DatumGetPointer(argument) == (Pointer)&token &&
                                   MyBgworkerEntry->bgw_main_arg == argument &&
                                   strcmp(MyBgworkerEntry->bgw_extra, "extra") == 0;
  for (;;) {
    state->ticks++;
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100,
                    PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
}

void
dx_hosted_dynamic(Datum argument) {
  BackgroundWorkerUnblockSignals();
  state->dynamic_ran = DatumGetInt32(argument) + atoi(MyBgworkerEntry->bgw_extra);
}

PG_FUNCTION_INFO_V1(dx_hosted_next);
Datum
dx_hosted_next(PG_FUNCTION_ARGS) {
  int value;

  (void)fcinfo;
  if (state == NULL)
    elog(ERROR, "dx_hosted is not preloaded");
  LWLockAcquire(state->lock, LW_EXCLUSIVE);
  value = ++state->value;
  LWLockRelease(state->lock);
  PG_RETURN_INT32(value);
}

PG_FUNCTION_INFO_V1(dx_hosted_put);
Datum
dx_hosted_put(PG_FUNCTION_ARGS) {
  int key = PG_GETARG_INT32(0);
  bool found;
  pair *p;

  LWLockAcquire(state->lock, LW_EXCLUSIVE);
  p = hash_search(pairs, &key, HASH_ENTER_NULL, &found);
  if (p != NULL)
    p->value = PG_GETARG_INT32(1);
  LWLockRelease(state->lock);
  PG_RETURN_BOOL(p != NULL);
}

PG_FUNCTION_INFO_V1(dx_hosted_get);
Datum
dx_hosted_get(PG_FUNCTION_ARGS) {
  int key = PG_GETARG_INT32(0);
  int value = -1;
  pair *p;

  LWLockAcquire(state->lock, LW_SHARED);
  p = hash_search(pairs, &key, HASH_FIND, NULL);
  if (p != NULL)
    value = p->value;
  LWLockRelease(state->lock);
  PG_RETURN_INT32(value);
}

PG_FUNCTION_INFO_V1(dx_hosted_state);
Datum
dx_hosted_state(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_TEXT_P(cstring_to_text(
      psprintf("max %d, %s, made by %s, %s, dynamic %d", max,
               state->address == state ? "same address" : "another address",
               state->made_by_postmaster ? "the postmaster" : "a session",
               state->worker_argument_is_mine ? "worker as registered" : "no worker yet",
               state->dynamic_ran)));
}

PG_FUNCTION_INFO_V1(dx_hosted_statements);
Datum
dx_hosted_statements(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_INT32(statements);
}

PG_FUNCTION_INFO_V1(dx_hosted_start);
Datum
dx_hosted_start(PG_FUNCTION_ARGS) {
  BackgroundWorker worker;
  BackgroundWorkerHandle *handle;

  memset(&worker, 0, sizeof(worker));
  strcpy(worker.bgw_name, "dx hosted dynamic");
  strcpy(worker.bgw_type, "dx hosted dynamic");
  strcpy(worker.bgw_library_name, "dx_hosted");
  strcpy(worker.bgw_function_name, "dx_hosted_dynamic");
  strcpy(worker.bgw_extra, "1000");
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
  worker.bgw_start_time = BgWorkerStart_ConsistentState;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_main_arg = Int32GetDatum(PG_GETARG_INT32(0));
  worker.bgw_notify_pid = MyProcPid;
  if (!RegisterDynamicBackgroundWorker(&worker, &handle))
    PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(WaitForBackgroundWorkerShutdown(handle) == BGWH_STOPPED);
}
