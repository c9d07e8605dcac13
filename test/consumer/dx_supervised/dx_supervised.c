/*
 * The setting dx_supervised.workers is the number of workers; other settings choose their
 * supervision.  The workers obey commands in a block of shared memory, and wait for them with
 * dynpgext_worker_wait(); with dx_supervised.without_memory they fail.
 *
 * Each field is written by one side: the callback, the worker, or dx_supervised_command().
 */
#include "dx.h"

#include <signal.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "libpq/pqsignal.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "postmaster/interrupt.h"
#include "utils/snapmgr.h"

/* Since PostgreSQL 19 handlers have a different type than the system's. */
#ifndef PG_SIG_IGN
#define PG_SIG_IGN SIG_IGN
#endif

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_supervised_command);
PG_FUNCTION_INFO_V1(dx_supervised_info);

extern DYNPGEXT_EXPORT void dx_supervised_main(Datum argument);

#define LOCAL_BOARD "dx_supervised:local"
#define GLOBAL_BOARD "dx_supervised:global"
#define NAME "dx supervised %d"
#define MAX_WORKERS 100

typedef struct Worker {
  int pid; /* while it listens */
  Latch *latch;
  int starts;
  uint64 wakes; /* returns of dynpgext_worker_wait() */
  uint64 beats; /* of the command "beat" */
  char doing[32];
  char note[64];    /* the setting dx_supervised.note, when last read */
  char command[32]; /* of dx_supervised_command(); cleared by the worker */
  int callbacks;
} Worker;

typedef struct Board {
  Worker workers[MAX_WORKERS];
} Board;

static Worker *me;

/* Item n, from 1 on, of the list in a setting; the last item if the list is shorter. */
static const char *
item(const char *setting, const char *fallback, int n) {
  static char text[64];
  const char *list = dx_setting(setting, fallback);
  const char *comma;

  while (--n > 0 && (comma = strchr(list, ',')) != NULL)
    list = comma + 1;
  strlcpy(text, list, sizeof(text));
  text[strcspn(text, ",")] = '\0';
  return text;
}

static bool
is_on(const char *setting) {
  return strcmp(dx_setting(setting, "off"), "on") == 0;
}

static int
policy(const char *name) {
  if (strcmp(name, "on_failure") == 0)
    return DYNPGEXT_RESTART_ON_FAILURE;
  if (strcmp(name, "always") == 0)
    return DYNPGEXT_RESTART_ALWAYS;
  return DYNPGEXT_RESTART_NEVER;
}

/* BgWorkerStart_ConsistentState, except for workers for the primary only. */
static int
servers(const char *name, BackgroundWorker *worker) {
  if (strcmp(name, "primary") == 0)
    return DYNPGEXT_RUN_ON_PRIMARY;
  if (name[0] == '\0')
    return DYNPGEXT_RUN_BY_START_TIME;
  worker->bgw_start_time = BgWorkerStart_ConsistentState;
  if (strcmp(name, "standby") == 0)
    return DYNPGEXT_RUN_ON_STANDBY;
  if (strcmp(name, "both") == 0)
    return DYNPGEXT_RUN_ON_BOTH;
  return DYNPGEXT_RUN_BY_START_TIME;
}

/* The block that sessions and provisioning processes look up. */
static const char *
board_name(void) {
  return strcmp(dx_setting("dx_supervised.scope", "local"), "global") == 0 ? GLOBAL_BOARD
                                                                           : LOCAL_BOARD;
}

static void
started(BackgroundWorkerHandle *worker, void *data) {
  Board *board = dynpgext_lookup_shmem(board_name());

  (void)worker;
  if (board != NULL)
    board->workers[*(const int *)data].callbacks++;
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  static int numbers[MAX_WORKERS];
  const char *board = board_name();
  int scope =
      strcmp(board, GLOBAL_BOARD) == 0 ? DYNPGEXT_SCOPE_GLOBAL : DYNPGEXT_SCOPE_DATABASE_LOCAL;
  int count = Min(MAX_WORKERS, atoi(dx_setting("dx_supervised.workers", "1")));

  if (is_on("dx_supervised.raise"))
    ereport(ERROR, (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("dx_supervised raises in init")));
  if (!is_on("dx_supervised.without_memory"))
    handle->allocate_shmem(handle, board, sizeof(Board), NULL, NULL, scope);
  for (int i = 0; i < count; i++) {
    char name[BGW_MAXLEN];
    BackgroundWorker worker;
    dynpgext_bgworker_options options = {.size = sizeof(options)};

    numbers[i] = i;
    snprintf(name, sizeof(name), NAME, i + 1);
    worker = dx_worker_named(name, "dx_supervised_main");
    strlcpy(worker.bgw_extra, board, sizeof(worker.bgw_extra));
    if (strcmp(dx_setting("dx_supervised.connect", "off"), "off") != 0)
      worker.bgw_flags |= BGWORKER_BACKEND_DATABASE_CONNECTION;
    options.restart = policy(item("dx_supervised.restart", "never", i + 1));
    options.restart_delay = atoi(item("dx_supervised.delay", "0", i + 1));
    options.deadline = atoi(item("dx_supervised.deadline", "0", i + 1));
    options.servers = servers(item("dx_supervised.servers", "", i + 1), &worker);
    handle->register_bgworker_with(handle, &worker,
                                   is_on("dx_supervised.callback") ? started : NULL, &numbers[i],
                                   scope, &options);
  }
}

static void
stop_listening(int code, Datum argument) {
  (void)code;
  (void)argument;
  me->pid = 0;
}

/* A SIGTERM handler that ignores the signal. */
static void
ignore_signal(SIGNAL_ARGS) {
  (void)postgres_signal_arg;
}

static void
take(char *command) {
  strlcpy(command, me->command, sizeof(me->command));
  me->command[0] = '\0';
  if (command[0] != '\0')
    strlcpy(me->doing, command, sizeof(me->doing));
}

/* Waits for another command. */
static void
go_on(bool interruptible, bool with_heartbeats) {
  while (me->command[0] == '\0') {
    pg_usleep(5000);
    if (interruptible)
      CHECK_FOR_INTERRUPTS();
    if (with_heartbeats) {
      dynpgext_worker_heartbeat();
      me->beats++;
    }
  }
}

/* The process appears to have ended, but exists while a file does. */
static void
linger(int code, Datum argument) {
  (void)code;
  (void)argument;
  for (int i = 0; i < 6000 && access("dx_supervised.linger", F_OK) == 0; i++)
    pg_usleep(10000);
}

/*
 * A transaction that writes the table public.dx_locked, and then sleeps in a query, or commits.
 * The handler of SIGTERM ends neither the query nor the wait for a synchronous standby.
 */
static void
lock_table(bool commits) {
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  StartTransactionCommand();
  SPI_connect();
  PushActiveSnapshot(GetTransactionSnapshot());
  pgstat_report_activity(STATE_RUNNING, "dx_supervised writes");
  SPI_execute("INSERT INTO public.dx_locked VALUES (1)", false, 0);
  if (!commits)
    SPI_execute("SELECT pg_catalog.pg_sleep(3600)", false, 0);
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
  pgstat_report_activity(STATE_IDLE, NULL);
}

/* A transaction that calls the function public.dx_supervised_task(), which a test creates. */
static void
do_task(void) {
  StartTransactionCommand();
  SPI_connect();
  PushActiveSnapshot(GetTransactionSnapshot());
  SPI_execute("SELECT public.dx_supervised_task()", false, 0);
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

/* False: the function must return. */
static bool
obey(const char *command) {
  if (strcmp(command, "return") == 0)
    return false;
  if (strcmp(command, "exit0") == 0)
    proc_exit(0);
  else if (strcmp(command, "exit1") == 0)
    proc_exit(1);
  else if (strcmp(command, "exit3") == 0)
    proc_exit(3);
  else if (strcmp(command, "libc_exit0") == 0)
    exit(0);
  else if (strcmp(command, "linger") == 0 || strcmp(command, "linger3") == 0) {
    on_proc_exit(linger, (Datum)0);
    proc_exit(command[6] == '3' ? 3 : 1);
  } else if (strcmp(command, "error") == 0)
    ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO),
                    errmsg("dx_supervised was told to raise an error")));
  else if (strcmp(command, "fatal") == 0)
    ereport(FATAL,
            (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("dx_supervised was told to end fatally")));
  else if (strcmp(command, "own_sigquit") == 0)
    pqsignal(SIGQUIT, SignalHandlerForCrashExit);
  else if (strcmp(command, "own_sigquit_busy") == 0) {
    pqsignal(SIGQUIT, SignalHandlerForCrashExit);
    go_on(true, false);
  } else if (strcmp(command, "segv") == 0)
    raise(SIGSEGV);
  else if (strcmp(command, "kill9") == 0)
    raise(SIGKILL);
  else if (strcmp(command, "silent") == 0)
    go_on(true, false);
  else if (strcmp(command, "beat") == 0)
    go_on(true, true);
  else if (strcmp(command, "numb") == 0)
    go_on(false, false);
  else if (strcmp(command, "lock") == 0 || strcmp(command, "commit") == 0) {
    lock_table(command[0] == 'c');
    return !ShutdownRequestPending;
  } else if (strcmp(command, "task") == 0) {
    do_task();
    strlcpy(me->doing, "task done", sizeof(me->doing));
  } else if (strcmp(command, "deaf") == 0) {
    pqsignal(SIGTERM, ignore_signal);
    go_on(false, false);
  } else if (strcmp(command, "ignore") == 0) {
    pqsignal(SIGTERM, PG_SIG_IGN);
    go_on(false, false);
  } else if (strcmp(command, "ignore_politely") == 0) {
    pqsignal(SIGTERM, PG_SIG_IGN);
    go_on(true, false);
  } else if (strcmp(command, "block") == 0) {
    sigprocmask(SIG_SETMASK, &BlockSig, NULL);
    go_on(false, false);
  } else if (strcmp(command, "shut") == 0) {
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    go_on(false, false);
  } else if (strcmp(command, "hold") == 0) {
    pqsignal(SIGTERM, PG_SIG_IGN);
    HOLD_INTERRUPTS();
    go_on(true, false);
    RESUME_INTERRUPTS();
  }
  return true;
}

void
dx_supervised_main(Datum argument) {
  Board *board = dynpgext_lookup_shmem(MyBgworkerEntry->bgw_extra);
  const char *name = MyBgworkerEntry->bgw_name;
  const char *connect = dx_setting("dx_supervised.connect", "off");
  char command[sizeof(me->command)];
  int number = 0;

  if (board == NULL)
    elog(ERROR, "dx_supervised: no memory");
  if (sscanf(name, NAME, &number) != 1 || number < 1 || number > MAX_WORKERS)
    elog(ERROR, "dx_supervised: what is a worker called \"%s\"?", name);
  me = &board->workers[number - 1];
  if (strcmp(dx_setting("dx_supervised.crash", ""), name) == 0)
    raise(SIGSEGV);
  if (strcmp(dx_setting("dx_supervised.fail", ""), name) == 0)
    elog(ERROR, "dx_supervised fails at start");
  if (strcmp(connect, "off") != 0) {
    Oid database = strcmp(connect, "on") == 0 ? DatumGetObjectId(argument) : (Oid)atoi(connect);

    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  }

  me->command[0] = '\0'; /* drop commands for the previous process */
  strlcpy(me->doing, "waiting", sizeof(me->doing));
  strlcpy(me->note, dx_setting("dx_supervised.note", ""), sizeof(me->note));
  me->latch = MyLatch;
  me->starts++;
  before_shmem_exit(stop_listening, (Datum)0);
  pg_write_barrier();
  me->pid = MyProcPid;
  do {
    (void)dynpgext_worker_wait(atoi(dx_setting("dx_supervised.wait", "-1")));
    me->wakes++;
    strlcpy(me->note, dx_setting("dx_supervised.note", ""), sizeof(me->note));
    take(command);
  } while (obey(command));
}

static Worker *
get_worker(FunctionCallInfo fcinfo) {
  Board *board = dynpgext_lookup_shmem(board_name());
  int number = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);

  if (number < 1 || number > MAX_WORKERS)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("workers are 1 to 100")));
  return board == NULL ? NULL : &board->workers[number - 1];
}

/* False if the worker does not listen. */
Datum
dx_supervised_command(PG_FUNCTION_ARGS) {
  Worker *worker = get_worker(fcinfo);
  const char *command = DX_ARGUMENT(1);

  if (worker == NULL || worker->pid == 0 || command == NULL)
    PG_RETURN_BOOL(false);
  strlcpy(worker->command, command, sizeof(worker->command));
  SetLatch(worker->latch);
  PG_RETURN_BOOL(true);
}

/* One row: the fields written by the worker; all NULL if there is no memory. */
Datum
dx_supervised_info(PG_FUNCTION_ARGS) {
  const Worker *worker = get_worker(fcinfo);
  Datum values[8];
  bool nulls[lengthof(values)] = {false};
  TupleDesc descriptor;
  int n = 0;

  if (worker == NULL)
    PG_RETURN_NULL();
  if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "dx_supervised_info returns a row");
  values[n++] = Int32GetDatum(worker->pid);
  values[n++] = Int32GetDatum(worker->starts);
  values[n++] = Int64GetDatum((int64)worker->wakes);
  values[n++] = Int64GetDatum((int64)worker->beats);
  values[n++] = CStringGetTextDatum(worker->command);
  values[n++] = CStringGetTextDatum(worker->doing);
  values[n++] = CStringGetTextDatum(worker->note);
  values[n++] = Int32GetDatum(worker->callbacks);
  Assert(n == lengthof(values));
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
