/*
 * dynpgext_heartbeat - a background worker for each database, written in C++17.
 *
 * The smallest useful extension that takes a worker from dynpgext.  The worker starts with
 * the commit of CREATE EXTENSION, ends with that of DROP EXTENSION, and writes when it was
 * last alive into the table heartbeat.dynpgext_heartbeat of its database.
 *
 * What always holds in this file:
 *
 * - Server headers stand inside extern "C": they do not say so themselves.
 * - The server reports an ERROR by longjmp(), which runs no destructors.  So no object
 *   that has one is alive across a call into the server: here, there is none at all.
 * - No C++ exception is thrown, so none can run into the server.
 */
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "dynpgext.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC; /* this library takes part in dynpgext */

/* what others call by name: the server, and dynpgext when it starts the worker */
DYNPGEXT_EXPORT void _PG_init(void);
DYNPGEXT_EXPORT void dynpgext_heartbeat_main(Datum argument);
}

namespace {

/* dynpgext_heartbeat.interval, in milliseconds */
int interval = 1000;

constexpr const char *schema_name = "heartbeat";
constexpr const char *table_name = "dynpgext_heartbeat";
constexpr const char *beat_command =
    "INSERT INTO heartbeat.dynpgext_heartbeat AS h (pid, started_at, beat_at, beats)"
    " VALUES ($1, $2, pg_catalog.clock_timestamp(), 1)"
    " ON CONFLICT (only_row) DO UPDATE SET pid = excluded.pid, started_at = excluded.started_at,"
    " beat_at = excluded.beat_at, beats = h.beats OPERATOR(pg_catalog.+) 1";

/*
 * Locks the table for writing, without waiting for it.
 *
 * Somebody who drops or alters the extension holds a lock on its table.  A worker that waits
 * for that lock does not see that it is told to end, and fails when it gets the lock of a
 * table that is gone.  So it leaves out a beat instead.
 */
bool
lock_table() {
  Oid schema = get_namespace_oid(schema_name, true);
  Oid table = OidIsValid(schema) ? get_relname_relid(table_name, schema) : InvalidOid;

  return OidIsValid(table) && ConditionalLockRelationOid(table, RowExclusiveLock) &&
         get_relname_relid(table_name, schema) == table;
}

/* One beat: one transaction, and everything in it gone at its end. */
void
beat(TimestampTz started_at) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  if (lock_table()) {
    Oid types[] = {INT4OID, TIMESTAMPTZOID};
    Datum values[] = {Int32GetDatum(MyProcPid), TimestampTzGetDatum(started_at)};
    int result;

    SPI_connect();
    PushActiveSnapshot(GetTransactionSnapshot());
    pgstat_report_activity(STATE_RUNNING, beat_command);
    result = SPI_execute_with_args(beat_command, 2, types, values, nullptr, false, 0);
    if (result != SPI_OK_INSERT)
      elog(ERROR, "could not write the heartbeat: %s", SPI_result_code_string(result));
    SPI_finish();
    PopActiveSnapshot();
  }
  CommitTransactionCommand();
  pgstat_report_stat(false);
  pgstat_report_activity(STATE_IDLE, nullptr);
}

} /* namespace */

/* Called in every process that loads the library, the worker's among them. */
void
_PG_init() {
  DefineCustomIntVariable("dynpgext_heartbeat.interval", "Time between two heartbeats.", nullptr,
                          &interval, 1000, 1, 24 * 60 * 60 * 1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr,
                          nullptr, nullptr);
  MarkGUCPrefixReserved("dynpgext_heartbeat");
}

/*
 * dynpgext calls this whenever it provisions the extension, in whatever process does that.
 * So it registers the same things each time, and keeps nothing in static variables.
 */
void
_Dynpgext_init(const dynpgext_handle *handle) {
  BackgroundWorker worker = {};

  strlcpy(worker.bgw_name, "heartbeat", sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, "dynpgext heartbeat", sizeof(worker.bgw_type));
  /* bgw_library_name stays empty: this library is meant */
  strlcpy(worker.bgw_function_name, "dynpgext_heartbeat_main", sizeof(worker.bgw_function_name));
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished; /* it writes */
  handle->register_bgworker(handle, &worker, nullptr, nullptr, DYNPGEXT_SCOPE_DATABASE_LOCAL);
}

/*
 * The worker.  The argument of a database-local worker is the OID of its database.  It ends
 * with exit code 0 when it is told to (SIGTERM); an ERROR ends it with exit code 1, and it
 * is 'failed' then until dynpgext.reload() or dynpgext.start_worker() starts it again.
 */
void
dynpgext_heartbeat_main(Datum argument) {
  TimestampTz started_at;

  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid, 0);

  /* it runs as a superuser: nobody else's objects are to be found by accident */
  SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);

  started_at = GetCurrentTimestamp();
  while (!ShutdownRequestPending) {
    beat(started_at);

    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, interval,
                    PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);

    /* also what lets DROP DATABASE and others go on, which wait for every process */
    CHECK_FOR_INTERRUPTS();

    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
  }
}
