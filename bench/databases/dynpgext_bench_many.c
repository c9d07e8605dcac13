/*
 * A small extension: memory for each database, and a worker for each, which is connected and waits.
 * The worker also ends on request, and measures the cost of a heartbeat.
 */
#include "dynpgext.h"

#include <time.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(bench_end_worker);
PG_FUNCTION_INFO_V1(bench_worker_times);
PG_FUNCTION_INFO_V1(bench_heartbeats);
PG_FUNCTION_INFO_V1(bench_time_lookup);

PGDLLEXPORT void dynpgext_bench_many_main(Datum database);

#define BOARD "dynpgext_bench_many:board"
#define HEARTBEATS 10000000

enum { NOTHING, END, MEASURE };

typedef struct Board {
  pg_atomic_uint32 command;
  int pid;
  int runs;
  Latch *latch;
  TimestampTz ended; /* just before the process ends */
  TimestampTz began; /* when the next one has reached its function */
  double heartbeat;  /* ns each */
  double clock_and_store;
  double clock;
  double store;
  pg_atomic_uint64 target;
} Board;

static Board *
board(void) {
  Board *found = dynpgext_lookup_shmem(BOARD);

  if (found == NULL)
    ereport(ERROR, (errmsg("there is no " BOARD)));
  return found;
}

static double
now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The loops only differ in what they measure. */
static void
measure(Board *b) {
  double started = now();

  for (int i = 0; i < HEARTBEATS; i++)
    dynpgext_worker_heartbeat();
  b->heartbeat = (now() - started) / HEARTBEATS;
  started = now();
  for (int i = 0; i < HEARTBEATS; i++)
    pg_atomic_write_u64(&b->target, (uint64)GetCurrentTimestamp());
  b->clock_and_store = (now() - started) / HEARTBEATS;
  started = now();
  for (int i = 0; i < HEARTBEATS; i++) {
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
  }
  b->clock = (now() - started) / HEARTBEATS;
  started = now();
  for (int i = 0; i < HEARTBEATS; i++)
    pg_atomic_write_u64(&b->target, (uint64)i);
  b->store = (now() - started) / HEARTBEATS;
}

void
dynpgext_bench_many_main(Datum database) {
  TimestampTz began = GetCurrentTimestamp();
  Board *b;

  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
  b = board();
  pg_atomic_write_u32(&b->command, NOTHING);
  b->latch = MyLatch;
  b->began = began;
  b->runs++;
  pg_write_barrier();
  b->pid = MyProcPid;
  for (;;) {
    switch (pg_atomic_exchange_u32(&b->command, NOTHING)) {
    case END:
      b->pid = 0;
      b->ended = GetCurrentTimestamp();
      proc_exit(1);
    case MEASURE:
      measure(b);
      break;
    default:
      break;
    }
    (void)dynpgext_worker_wait(-1);
  }
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  BackgroundWorker worker = {.bgw_name = "bench many",
                             .bgw_type = "bench many",
                             .bgw_function_name = "dynpgext_bench_many_main",
                             .bgw_flags =
                                 BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
                             .bgw_start_time = BgWorkerStart_RecoveryFinished};
  dynpgext_bgworker_options options = {.size = sizeof(options), .restart = DYNPGEXT_RESTART_ALWAYS};

  handle->allocate_shmem(handle, BOARD, 1024, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  StaticAssertStmt(sizeof(Board) <= 1024, "the board does not fit");
  handle->register_bgworker_with(handle, &worker, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL,
                                 &options);
}

static void
tell(uint32 command) {
  Board *b = board();

  if (b->pid == 0)
    ereport(ERROR, (errmsg("the worker does not run")));
  pg_atomic_write_u32(&b->command, command);
  SetLatch(b->latch);
}

Datum
bench_end_worker(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  tell(END);
  PG_RETURN_VOID();
}

/* pid 0: it does not run; times in microseconds */
Datum
bench_worker_times(PG_FUNCTION_ARGS) {
  TupleDesc type;
  Datum values[4];
  bool nulls[4] = {false, false, false, false};
  Board *b = board();

  if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "no row type");
  values[0] = Int32GetDatum(b->pid);
  values[1] = Int32GetDatum(b->runs);
  values[2] = Int64GetDatum(b->ended);
  values[3] = Int64GetDatum(b->began);
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), values, nulls)));
}

/* ns each, in the worker's process */
Datum
bench_heartbeats(PG_FUNCTION_ARGS) {
  TupleDesc type;
  Datum values[4];
  bool nulls[4] = {false, false, false, false};
  Board *b = board();

  if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "no row type");
  b->store = 0;
  tell(MEASURE);
  while (*(volatile double *)&b->store == 0)
    pg_usleep(10000L);
  values[0] = Float8GetDatum(b->heartbeat);
  values[1] = Float8GetDatum(b->clock_and_store);
  values[2] = Float8GetDatum(b->clock);
  values[3] = Float8GetDatum(b->store);
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), values, nulls)));
}

/* Duration of one lookup in ns, which in a new process is its first lookup. */
Datum
bench_time_lookup(PG_FUNCTION_ARGS) {
  double started = now();

  (void)fcinfo;
  (void)board();
  PG_RETURN_FLOAT8(now() - started);
}
