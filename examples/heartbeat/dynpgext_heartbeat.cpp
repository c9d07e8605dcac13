/*
 * dynpgext_heartbeat - a background worker for each database, written in C++17.
 *
 * The smallest useful extension that takes a worker from dynpgext.  The worker starts with
 * the commit of CREATE EXTENSION, ends with that of DROP EXTENSION, and periodically writes the
 * time into the table heartbeat.dynpgext_heartbeat of its database.
 *
 * Rules in this file:
 *
 * - Server headers are included inside extern "C", because they do not declare it themselves.
 * - The server reports an ERROR with longjmp(), which runs no destructors.  So no object with a
 *   destructor is alive during a call into the server; in this file there is none.
 * - No C++ exception is thrown, so none can reach the server.
 */
extern "C" {
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "dynpgext.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC; /* this library takes part in dynpgext */

/* called by name: by the server, and by dynpgext when it starts the worker */
DYNPGEXT_EXPORT void _PG_init(void);
DYNPGEXT_EXPORT void dynpgext_heartbeat_main(Datum argument);
}

namespace {

/* dynpgext_heartbeat.interval, in milliseconds */
int interval = 1000;

/*
 * The extension's own table, by its present name.  A stored schema name could mean another schema:
 * a role that may create schemas can take the name of a renamed one.
 */
constexpr const char *table_query =
    "SELECT d.objid::pg_catalog.regclass::pg_catalog.text"
    " FROM pg_catalog.pg_extension AS e"
    " JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"
    " AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    " JOIN pg_catalog.pg_class AS c ON c.oid = d.objid"
    " WHERE e.extname = 'dynpgext_heartbeat' AND c.relname = 'dynpgext_heartbeat'";

constexpr const char *beat_command =
    "INSERT INTO %s AS h (pid, started_at, beat_at, beats)"
    " VALUES ($1, $2, pg_catalog.clock_timestamp(), 1)"
    " ON CONFLICT (only_row) DO UPDATE SET pid = excluded.pid, started_at = excluded.started_at,"
    " beat_at = excluded.beat_at, beats = h.beats OPERATOR(pg_catalog.+) 1";

/*
 * One beat: one transaction, which frees everything at its end.
 *
 * It may wait for the lock of a session that alters the table, or drops the extension: SIGTERM
 * still ends the worker, because dynpgext's handler ends such a wait.
 */
void
beat(TimestampTz started_at) {
  Oid types[] = {INT4OID, TIMESTAMPTZOID};
  Datum values[] = {Int32GetDatum(MyProcPid), TimestampTzGetDatum(started_at)};
  const char *command;
  int result;

  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  SPI_connect();
  PushActiveSnapshot(GetTransactionSnapshot());
  pgstat_report_activity(STATE_RUNNING, "heartbeat");

  if (SPI_execute(table_query, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
            errmsg("extension \"dynpgext_heartbeat\" has no table \"dynpgext_heartbeat\""));
  command = psprintf(beat_command, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));

  result = SPI_execute_with_args(command, 2, types, values, nullptr, false, 0);
  if (result != SPI_OK_INSERT)
    elog(ERROR, "could not write the heartbeat: %s", SPI_result_code_string(result));

  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
  pgstat_report_stat(false);
  pgstat_report_activity(STATE_IDLE, nullptr);
}

} /* namespace */

/* Called in every process that loads the library, including the worker's. */
void
_PG_init() {
  DefineCustomIntVariable("dynpgext_heartbeat.interval", "Time between two heartbeats.", nullptr,
                          &interval, 1000, 1, 24 * 60 * 60 * 1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr,
                          nullptr, nullptr);
  MarkGUCPrefixReserved("dynpgext_heartbeat");
}

/*
 * dynpgext calls this whenever it provisions the extension, in any process.  So it registers
 * the same objects each time, and keeps nothing in static variables.
 */
void
_Dynpgext_init(const dynpgext_handle *handle) {
  BackgroundWorker worker = {};
  dynpgext_bgworker_options options = {};

  strlcpy(worker.bgw_name, "heartbeat", sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, "dynpgext heartbeat", sizeof(worker.bgw_type));
  /* bgw_library_name stays empty, which means this library */
  strlcpy(worker.bgw_function_name, "dynpgext_heartbeat_main", sizeof(worker.bgw_function_name));
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished; /* it writes */

  options.size = sizeof(options);
  options.restart =
      DYNPGEXT_RESTART_ON_FAILURE; /* a second after an ERROR, with increasing delays */
  handle->register_bgworker_with(handle, &worker, nullptr, nullptr, DYNPGEXT_SCOPE_DATABASE_LOCAL,
                                 &options);
}

/*
 * The worker.  The argument of a database-local worker is the OID of its database.
 *
 * It needs no signal handlers of its own: SIGTERM ends it in dynpgext_worker_wait(), or wherever
 * the server checks for interrupts.  An ERROR also ends it, and dynpgext starts it again: so it
 * begins with a clean state, and needs no cleanup here.
 */
void
dynpgext_heartbeat_main(Datum argument) {
  TimestampTz started_at;

  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid, 0);

  /* it runs as a superuser, and must not find other roles' objects by accident */
  SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
  /*
   * Nor must their triggers fire on the worker's table: ALTER DEFAULT PRIVILEGES may have given
   * another role the right to create one, whose code would run as the worker.  Only the owner of
   * the table could make a trigger fire on a "replica".  The table has no triggers of its own.
   */
  SetConfigOption("session_replication_role", "replica", PGC_SUSET, PGC_S_OVERRIDE);

  started_at = GetCurrentTimestamp();
  for (;;) {
    beat(started_at);
    (void)dynpgext_worker_wait(interval);
  }
}
