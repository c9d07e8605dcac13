/* One database-local worker, which stores the time when it has connected, and ends. */
#include "bench_clock.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

PGDLLEXPORT void dynpgext_bench_provisioned(Datum database);

void
dynpgext_bench_provisioned(Datum database) {
  bench_worker_main(database);
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  BackgroundWorker worker = bench_worker(handle->library_name, "dynpgext_bench_provisioned");

  handle->register_bgworker(handle, &worker, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
}
