/*
 * Tests the border between the server and C++: errors in awkward places, and processes that hang
 * when they end.  The settings dx_border.* choose registrations and actions; see README.md.
 */
#include "dx.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "storage/dsm.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_border_fill_slots);

extern DYNPGEXT_EXPORT void dx_border_main(Datum argument);

#define MEMORY "dx_border:memory"

static bool
is_set(const char *setting, const char *value) {
  return strcmp(dx_setting(setting, ""), value) == 0;
}

static bool
file_exists(const char *path) {
  struct stat status;

  return stat(path, &status) == 0;
}

static void
make_file(const char *path) {
  FILE *file = fopen(path, "w");

  if (file != NULL)
    fclose(file);
}

static void
execute(const char *sql) {
  if (SPI_connect() != SPI_OK_CONNECT || SPI_execute(sql, false, 0) < 0)
    elog(ERROR, "dx_border could not execute %s", sql);
  SPI_finish();
}

/* Takes all slots for dynamic shared memory until the session ends; returns their number. */
Datum
dx_border_fill_slots(PG_FUNCTION_ARGS) {
  int32 count = 0;
  dsm_segment *segment;

  (void)fcinfo;
  while ((segment = dsm_create(1, DSM_CREATE_NULL_IF_MAXSEGMENTS)) != NULL) {
    dsm_pin_mapping(segment);
    count++;
  }
  PG_RETURN_INT32(count);
}

/* Raises an error while it holds a lock that every new process needs. */
static void
raise_locked(const char *where) {
  if (!is_set("dx_border.locked", where))
    return;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  ereport(ERROR, (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("dx_border raises in its %s", where)));
}

static void
made(void *ptr, void *data) {
  (void)ptr;
  (void)data;
  raise_locked("memory callback");
}

/* Looks up the other name once the other callback also runs, as the files dx_border.NAME show. */
static void
look_up_other(void *ptr, void *data) {
  const char *names = data;
  char own[NAMEDATALEN];
  char path[NAMEDATALEN + 16];
  const char *other = strchr(names, ' ') + 1;

  (void)ptr;
  strlcpy(own, names, Min(sizeof(own), (size_t)(other - names)));
  snprintf(path, sizeof(path), "dx_border.%s", own);
  if (!file_exists("dx_border.meet"))
    return;
  make_file(path);
  snprintf(path, sizeof(path), "dx_border.%s", other);
  while (file_exists("dx_border.meet") && !file_exists(path)) {
    CHECK_FOR_INTERRUPTS();
    pg_usleep(1000);
  }
  snprintf(path, sizeof(path), "dx_border:%s", other);
  elog(LOG, "dx_border:%s found %s %s", own, path,
       dynpgext_lookup_shmem(path) == NULL ? "missing" : "there");
}

/* In a transaction, if it is called in one. */
static void
started(BackgroundWorkerHandle *worker, void *data) {
  (void)worker;
  (void)data;
  raise_locked("worker callback");
  if (!IsTransactionState())
    return;
  if (is_set("dx_border.callback", "duplicate"))
    execute("INSERT INTO public.dx_border_rows VALUES (1)");
  if (is_set("dx_border.callback", "half")) {
    execute("INSERT INTO public.dx_border_rows VALUES (2)");
    ereport(ERROR, (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("dx_border raises halfway")));
  }
  if (is_set("dx_border.callback", "whole"))
    execute("INSERT INTO public.dx_border_rows VALUES (3)");
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  static char names[2 * NAMEDATALEN];
  size_t size = strtoul(dx_setting("dx_border.size", "0"), NULL, 10);

  if (size > 0)
    handle->allocate_shmem(handle, MEMORY, size, made, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  strlcpy(names, dx_setting("dx_border.names", ""), sizeof(names));
  if (strchr(names, ' ') != NULL) {
    char name[NAMEDATALEN + 16];

    snprintf(name, sizeof(name), "dx_border:%.*s", (int)(strchr(names, ' ') - names), names);
    handle->allocate_shmem(handle, name, 64, look_up_other, names, DYNPGEXT_SCOPE_GLOBAL);
  }
  if (is_set("dx_border.worker", "on")) {
    BackgroundWorker worker = dx_worker_named("dx border", "dx_border_main");

    worker.bgw_flags |= BGWORKER_BACKEND_DATABASE_CONNECTION;
    handle->register_bgworker(handle, &worker, started, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  }
  raise_locked("init");
}

static void
add_context(void *text) {
  errcontext("%s", (const char *)text);
}

/* A lookup outside of a transaction fails with an error of 40 MB: free() unmaps it, so that any
 * later use crashes. */
static void
fail_to_look_up(void) {
  const Size length = 40 * 1024 * 1024;
  char *text = MemoryContextAlloc(TopMemoryContext, length + 1);
  ErrorContextCallback context = {
      .previous = error_context_stack, .callback = add_context, .arg = text};
  const struct rlimit none = {0, 0};

  memset(text, 'c', length);
  text[length] = '\0';
  if (setrlimit(RLIMIT_NOFILE, &none) != 0)
    elog(ERROR, "setrlimit: %m");
  error_context_stack = &context;
  PG_TRY();
  {
    (void)dynpgext_lookup_shmem(MEMORY);
    elog(LOG, "dx_border: the lookup has not failed");
  }
  PG_CATCH();
  {
    ErrorData *error;

    MemoryContextSwitchTo(TopMemoryContext);
    error = CopyErrorData();
    FlushErrorState();
    error_context_stack = context.previous; /* not in the log */
    elog(LOG, "dx_border caught \"%s\" with a context of %zu bytes, %s", error->message,
         strlen(error->context), strspn(error->context, "c") == length ? "whole" : "damaged");
  }
  PG_END_TRY();
  error_context_stack = context.previous;
}

static void
run_sql(const char *sql) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  execute(sql);
  PopActiveSnapshot();
  CommitTransactionCommand();
  elog(LOG, "dx_border has executed its SQL");
}

static void
hang(int code, Datum argument) {
  (void)code;
  (void)argument;
  elog(LOG, "dx_border hangs at its exit");
  while (file_exists("dx_border.hang"))
    pg_usleep(1000);
}

/* Serves no interrupts, and so is ended at any point. */
static void
be_busy(void) {
  before_shmem_exit(hang, 0);
  elog(LOG, "dx_border is busy");
  for (;;)
    pg_usleep(1000);
}

/* The same for an SQL command, without the hang at its exit. */
PG_FUNCTION_INFO_V1(dx_border_be_busy);

Datum
dx_border_be_busy(PG_FUNCTION_ARGS) {
  for (;;)
    pg_usleep(1000);
  PG_RETURN_VOID();
}

void
dx_border_main(Datum argument) {
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid, 0);
  if (is_set("dx_border.do", "look up"))
    fail_to_look_up();
  if (is_set("dx_border.do", "hang"))
    be_busy();
  if (is_set("dx_border.do", "sql"))
    run_sql(dx_setting("dx_border.sql", "SELECT 1"));
  for (;;)
    dx_wait();
}
