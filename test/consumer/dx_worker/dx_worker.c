/*
 * A worker of each scope that obeys commands in a block of shared memory, and writes its
 * observations there.  Versions 0.1 and 0.2 (DX_MINOR) differ in the version that the worker
 * writes.
 *
 * Each field is written by one side: the callback, the worker, or dx_worker_command().
 */
#include "dx.h"

#include <signal.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "port/atomics.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_worker_command);
PG_FUNCTION_INFO_V1(dx_worker_info);

extern DYNPGEXT_EXPORT void dx_worker_local(Datum argument);
extern DYNPGEXT_EXPORT void dx_worker_global(Datum argument);

#define VERSION "0." CppAsString2(DX_MINOR)
#define LOCAL_BLOCK "dx_worker:local"
#define GLOBAL_BLOCK "dx_worker:global"

typedef struct Block {
  /* of the callback */
  int callbacks;   /* number of its runs */
  int starter_pid; /* the process of its last run */
  int waited_pid;  /* result of WaitForBackgroundWorkerStartup() */
  int waited_status;

  /* of the worker */
  int starts;
  int pid;
  int64 argument;
  uint64 address_before; /* of this block, looked up before it connected */
  uint64 address_after;  /* and after */
  Latch *latch;          /* NULL until it listens; in the server's own shared memory */
  char version[16];
  char name[BGW_MAXLEN];
  char type[BGW_MAXLEN];
  char extra[BGW_EXTRALEN];
  char library[MAXPGPATH];
  char function[BGW_MAXLEN];

  /* of dx_worker_command(); cleared by the worker */
  char command[32];
} Block;

/* Runs in the process that started the worker; the data is the name of the block. */
static void
started(BackgroundWorkerHandle *worker, void *data) {
  Block *block = dynpgext_lookup_shmem(data);
  pid_t pid = 0;
  BgwHandleStatus status = WaitForBackgroundWorkerStartup(worker, &pid);

  if (block == NULL) {
    elog(LOG, "dx_worker: process %d started worker %d, and cannot see %s", MyProcPid, (int)pid,
         (const char *)data);
    return;
  }
  block->callbacks++;
  block->starter_pid = MyProcPid;
  block->waited_pid = (int)pid;
  block->waited_status = (int)status;
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  static char local_block[] = LOCAL_BLOCK;
  static char global_block[] = GLOBAL_BLOCK;
  BackgroundWorker local = dx_worker_named("dx local", "dx_worker_local");
  BackgroundWorker global = dx_worker_named("dx global", "dx_worker_global");

  handle->allocate_shmem(handle, LOCAL_BLOCK, sizeof(Block), NULL, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
  handle->allocate_shmem(handle, GLOBAL_BLOCK, sizeof(Block), NULL, NULL, DYNPGEXT_SCOPE_GLOBAL);

  local.bgw_flags |= BGWORKER_BACKEND_DATABASE_CONNECTION;
  strlcpy(local.bgw_type, "dx local type", sizeof(local.bgw_type));
  strlcpy(local.bgw_extra, "dx local extra", sizeof(local.bgw_extra));
  handle->register_bgworker(handle, &local, started, local_block,
                            DYNPGEXT_SCOPE_DATABASE_LOCAL | DYNPGEXT_REGISTER_BGWORKER_NOTIFY);

  global.bgw_main_arg = Int32GetDatum(42);
  global.bgw_notify_pid = MyProcPid; /* means the same as the flag */
  strlcpy(global.bgw_type, "dx global type", sizeof(global.bgw_type));
  strlcpy(global.bgw_extra, "dx global extra", sizeof(global.bgw_extra));
  strncpy(global.bgw_library_name, handle->library_name, BGW_MAXLEN - 1);
  handle->register_bgworker(handle, &global, started, global_block, DYNPGEXT_SCOPE_GLOBAL);
}

/* A SIGTERM handler that ignores the signal. */
static void
ignore_signal(SIGNAL_ARGS) {
  (void)postgres_signal_arg;
}

static void
obey(const char *command) {
  if (strcmp(command, "exit0") == 0)
    proc_exit(0);
  else if (strcmp(command, "exit1") == 0)
    proc_exit(1);
  else if (strcmp(command, "error") == 0)
    ereport(ERROR,
            (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("dx_worker was told to raise an error"),
             errdetail("a detail"), errhint("a hint")));
  else if (strcmp(command, "fatal") == 0)
    ereport(FATAL, (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("dx_worker was told to end fatally")));
  else if (strcmp(command, "segv") == 0)
    raise(SIGSEGV);
  else if (strcmp(command, "abort_exit3") == 0)
    _exit(3);
  else if (strcmp(command, "ignore_term") == 0)
    pqsignal(SIGTERM, ignore_signal);
  else if (strcmp(command, "shut") == 0) {
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
  } else if (strcmp(command, "return") != 0)
    elog(LOG, "dx_worker: no such command: %s", command);
}

/* Obeys commands until one of them makes it return. */
static void
listen(Block *block) {
  char command[sizeof(block->command)];

  block->command[0] = '\0'; /* drop commands for the previous worker */
  block->latch = MyLatch;
  do {
    dx_wait();
    strlcpy(command, block->command, sizeof(command));
    block->command[0] = '\0';
    if (command[0] != '\0')
      obey(command);
  } while (strcmp(command, "return") != 0);
}

static void
run(const char *name, int64 argument, bool connect) {
  Block *block = dynpgext_lookup_shmem(name);

  BackgroundWorkerUnblockSignals();
  if (block == NULL)
    elog(ERROR, "dx_worker: no memory called %s before the connection", name);
  block->address_before = (uintptr_t)block;
  if (connect)
    BackgroundWorkerInitializeConnectionByOid((Oid)argument, InvalidOid, 0);
  block->address_after = (uintptr_t)dynpgext_lookup_shmem(name);

  block->argument = argument;
  block->pid = MyProcPid;
  strlcpy(block->version, VERSION, sizeof(block->version));
  strlcpy(block->name, MyBgworkerEntry->bgw_name, sizeof(block->name));
  strlcpy(block->type, MyBgworkerEntry->bgw_type, sizeof(block->type));
  strlcpy(block->extra, MyBgworkerEntry->bgw_extra, sizeof(block->extra));
  strlcpy(block->library, MyBgworkerEntry->bgw_library_name, sizeof(block->library));
  strlcpy(block->function, MyBgworkerEntry->bgw_function_name, sizeof(block->function));
  pg_write_barrier();
  block->starts++; /* last, so that a waiting process finds the rest */
  listen(block);
}

void
dx_worker_local(Datum argument) {
  run(LOCAL_BLOCK, DatumGetObjectId(argument), true);
}

void
dx_worker_global(Datum argument) {
  run(GLOBAL_BLOCK, DatumGetInt32(argument), false);
}

/* The block of the scope in the first argument. */
static Block *
get_block(FunctionCallInfo fcinfo) {
  const char *scope = DX_ARGUMENT(0);

  if (scope != NULL && strcmp(scope, "local") == 0)
    return dynpgext_lookup_shmem(LOCAL_BLOCK);
  if (scope != NULL && strcmp(scope, "global") == 0)
    return dynpgext_lookup_shmem(GLOBAL_BLOCK);
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("the scope of dx_worker is \"local\" or \"global\"")));
}

/* False if there is no memory, or no worker has ever listened. */
Datum
dx_worker_command(PG_FUNCTION_ARGS) {
  Block *block = get_block(fcinfo);
  const char *command = DX_ARGUMENT(1);

  if (block == NULL || block->latch == NULL || command == NULL)
    PG_RETURN_BOOL(false);
  strlcpy(block->command, command, sizeof(block->command));
  SetLatch(block->latch);
  PG_RETURN_BOOL(true);
}

/* One row: the content of the block; all NULL if there is none. */
Datum
dx_worker_info(PG_FUNCTION_ARGS) {
  static const char *const statuses[] = {"started", "not yet started", "stopped",
                                         "postmaster died"};
  const Block *block = get_block(fcinfo);
  Datum values[17];
  bool nulls[lengthof(values)] = {false};
  TupleDesc descriptor;
  int n = 0;

  if (block == NULL)
    PG_RETURN_NULL();
  if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "dx_worker_info returns a row");

  values[n++] = CStringGetTextDatum(block->version);
  values[n++] = Int32GetDatum(block->callbacks);
  values[n++] = Int32GetDatum(block->starter_pid);
  values[n++] = Int32GetDatum(block->waited_pid);
  values[n++] = CStringGetTextDatum(statuses[block->waited_status & 3]);
  values[n++] = Int32GetDatum(block->starts);
  values[n++] = Int32GetDatum(block->pid);
  values[n++] = Int64GetDatum(block->argument);
  values[n++] = CStringGetTextDatum(block->name);
  values[n++] = CStringGetTextDatum(block->type);
  values[n++] = CStringGetTextDatum(block->extra);
  values[n++] = CStringGetTextDatum(block->library);
  values[n++] = CStringGetTextDatum(block->function);
  values[n++] = Int64GetDatum((int64)block->address_before);
  values[n++] = Int64GetDatum((int64)block->address_after);
  values[n++] = CStringGetTextDatum(block->command);
  values[n++] = BoolGetDatum(block->latch != NULL);
  Assert(n == lengthof(values));
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
