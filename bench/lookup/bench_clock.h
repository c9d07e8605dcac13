/*
 * A worker that stores the time at which it has connected: the same code in both libraries, started
 * by dynpgext from one, and by RegisterDynamicBackgroundWorker from the other.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include "dynpgext.h"

#include "port/atomics.h"
#include "portability/instr_time.h"

#define BENCH_CLOCK "dynpgext_bench:clock"

typedef struct BenchClock {
  pg_atomic_uint64 marked;    /* ns, before the COMMIT */
  pg_atomic_uint64 connected; /* ns, by the worker; 0 until then */
} BenchClock;

static inline uint64
bench_now(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64)now.tv_sec * 1000000000 + (uint64)now.tv_nsec;
}

static inline BenchClock *
bench_clock(void) {
  BenchClock *found = dynpgext_lookup_shmem(BENCH_CLOCK);

  if (found == NULL)
    ereport(ERROR, (errmsg("there is no " BENCH_CLOCK)));
  return found;
}

static inline void
bench_worker_main(Datum database) {
  uint64 now;

  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
  now = bench_now();
  pg_atomic_write_u64(&bench_clock()->connected, now);
}

static inline BackgroundWorker
bench_worker(const char *library, const char *function) {
  BackgroundWorker worker = {.bgw_flags =
                                 BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
                             .bgw_start_time = BgWorkerStart_RecoveryFinished,
                             .bgw_restart_time = BGW_NEVER_RESTART};

  strlcpy(worker.bgw_name, "bench worker", BGW_MAXLEN);
  strlcpy(worker.bgw_type, "bench worker", BGW_MAXLEN);
  strlcpy(worker.bgw_library_name, library, sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
  return worker;
}

#endif /* BENCH_CLOCK_H */
