/*
 * Lookups of 100 names of each scope compared with a hash table of this process with the same keys,
 * and a worker's start compared with the server's own.
 */
#include "bench_clock.h"

#include <malloc.h>
#include <unistd.h>

#include "access/xact.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(bench_lookup);
PG_FUNCTION_INFO_V1(bench_memory);
PG_FUNCTION_INFO_V1(bench_mark);
PG_FUNCTION_INFO_V1(bench_wait);
PG_FUNCTION_INFO_V1(bench_start_at_commit);

/* the alternative for comparison: names to addresses, as one would write it by hand */
typedef struct NameEntry {
  const char *name;
  void *address;
  char status;
} NameEntry;

#define SH_PREFIX names
#define SH_ELEMENT_TYPE NameEntry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *)(key), (int)strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define NAME_COUNT 100
#define TEN(p) p "0", p "1", p "2", p "3", p "4", p "5", p "6", p "7", p "8", p "9"
#define HUNDRED(p)                                                                                 \
  {                                                                                                \
    TEN(p "0"), TEN(p "1"), TEN(p "2"), TEN(p "3"), TEN(p "4"), TEN(p "5"), TEN(p "6"),            \
        TEN(p "7"), TEN(p "8"), TEN(p "9")                                                         \
  }

static const char *const global_names[NAME_COUNT] = HUNDRED("dynpgext_bench:global:");
static const char *const local_names[NAME_COUNT] = HUNDRED("dynpgext_bench:local:");

static names_hash *table = NULL;

PGDLLEXPORT void dynpgext_bench_raw(Datum database);

void
_Dynpgext_init(const dynpgext_handle *handle) {
  for (int i = 0; i < NAME_COUNT; i++) {
    handle->allocate_shmem(handle, global_names[i], 64, NULL, NULL, DYNPGEXT_SCOPE_GLOBAL);
    handle->allocate_shmem(handle, local_names[i], 64, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  }
  handle->allocate_shmem(handle, BENCH_CLOCK, sizeof(BenchClock), NULL, NULL,
                         DYNPGEXT_SCOPE_GLOBAL);
}

/* ---- lookups ---- */

static void
fill_table(void) {
  bool found;

  if (table != NULL)
    return;
  table = names_create(TopMemoryContext, 2 * NAME_COUNT, NULL);
  for (int i = 0; i < NAME_COUNT; i++) {
    names_insert(table, global_names[i], &found)->address = dynpgext_lookup_shmem(global_names[i]);
    names_insert(table, local_names[i], &found)->address = dynpgext_lookup_shmem(local_names[i]);
  }
}

static pg_noinline void *
table_lookup(const char *name) {
  NameEntry *entry = names_lookup(table, name);

  return entry != NULL ? entry->address : NULL;
}

static pg_noinline void *
dynpgext_lookup(const char *name) {
  return dynpgext_lookup_shmem(name);
}

/* The buffer belongs to the process, and contains another name each time. */
static inline const char *
copy_into(char *buffer, const char *name) {
  return memcpy(buffer, name, strlen(name) + 1);
}

/* bench_lookup(dynpgext|table, global|local, literal|buffer, count): ns for one */
Datum
bench_lookup(PG_FUNCTION_ARGS) {
  bool table_wanted = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(0)), "table") == 0;
  const char *const *names =
      strcmp(text_to_cstring(PG_GETARG_TEXT_PP(1)), "global") == 0 ? global_names : local_names;
  bool copied = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(2)), "buffer") == 0;
  int64 count = PG_GETARG_INT64(3);
  void *(*lookup)(const char *) = table_wanted ? table_lookup : dynpgext_lookup;
  char *buffer = palloc(256);
  int64 missing = 0;
  uint64 started;

  fill_table();
  for (int i = 0; i < NAME_COUNT; i++)
    if (lookup(names[i]) == NULL)
      ereport(ERROR, (errmsg("\"%s\" is not there", names[i])));
  started = bench_now();
  if (copied) {
    for (int64 i = 0; i < count; i++)
      missing += lookup(copy_into(buffer, names[i * 37 % NAME_COUNT])) == NULL;
  } else {
    for (int64 i = 0; i < count; i++)
      missing += lookup(names[i * 37 % NAME_COUNT]) == NULL;
  }
  started = bench_now() - started;
  if (missing > 0)
    ereport(ERROR, (errmsg("a lookup found nothing")));
  PG_RETURN_FLOAT8((double)started / (double)count);
}

/* The memory of this process: in memory contexts, in malloc, in pages. */
Datum
bench_memory(PG_FUNCTION_ARGS) {
  TupleDesc descriptor;
  Datum values[3];
  bool nulls[3] = {false, false, false};
  long pages = 0;
  FILE *statm = fopen("/proc/self/statm", "r");

  if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "not called for a row");
  if (statm == NULL || fscanf(statm, "%*d %ld", &pages) != 1)
    elog(ERROR, "cannot read /proc/self/statm");
  fclose(statm);
  values[0] = Int64GetDatum((int64)MemoryContextMemAllocated(TopMemoryContext, true));
  values[1] = Int64GetDatum((int64)mallinfo2().uordblks);
  values[2] = Int64GetDatum((int64)pages * sysconf(_SC_PAGESIZE));
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* ---- starts ---- */

static bool start_wanted = false;

void
dynpgext_bench_raw(Datum database) {
  bench_worker_main(database);
}

static void
start_now(XactEvent event, void *arg) {
  (void)arg;
  if (event == XACT_EVENT_COMMIT && start_wanted) {
    BackgroundWorker worker = bench_worker("dynpgext_bench", "dynpgext_bench_raw");

    worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
    if (!RegisterDynamicBackgroundWorker(&worker, NULL))
      ereport(WARNING, (errmsg("no free slot for a background worker")));
  }
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
    start_wanted = false;
}

/* The server's own start, at the same moment as dynpgext's. */
Datum
bench_start_at_commit(PG_FUNCTION_ARGS) {
  static bool watching = false;

  (void)fcinfo;
  if (!watching)
    RegisterXactCallback(start_now, NULL);
  watching = start_wanted = true;
  PG_RETURN_VOID();
}

/* To be called just before COMMIT. */
Datum
bench_mark(PG_FUNCTION_ARGS) {
  BenchClock *shared = bench_clock();

  (void)fcinfo;
  pg_atomic_write_u64(&shared->connected, 0);
  pg_atomic_write_u64(&shared->marked, bench_now());
  PG_RETURN_VOID();
}

/* Nanoseconds from the mark to the connected worker; NULL if there is none within 10 s. */
Datum
bench_wait(PG_FUNCTION_ARGS) {
  BenchClock *shared = bench_clock();

  for (int i = 0; i < 10000; i++) {
    uint64 connected = pg_atomic_read_u64(&shared->connected);

    if (connected != 0)
      PG_RETURN_INT64((int64)(connected - pg_atomic_read_u64(&shared->marked)));
    CHECK_FOR_INTERRUPTS();
    pg_usleep(1000);
  }
  PG_RETURN_NULL();
}
