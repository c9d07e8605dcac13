/*
 * dynpgext_counter - a counter in shared memory, one for each database.
 *
 * The smallest useful extension that takes its shared memory from dynpgext: it registers
 * one allocation, and looks it up wherever it needs it.  It is not listed in
 * shared_preload_libraries, and installing it restarts nothing.
 *
 * The counter is as transient as shared memory: a restart of the server sets it to zero.
 */
#include "postgres.h"

#include "fmgr.h"
#include "port/atomics.h"

#include "dynpgext.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC; /* this library takes part in dynpgext */

/*
 * The name says whose memory it is.  It has no version in it, so the counter keeps its
 * value through ALTER EXTENSION dynpgext_counter UPDATE, as long as the size stays.  A
 * version that changes the struct takes a new name.
 */
#define COUNTER_NAME "dynpgext_counter:value"

/*
 * What the memory holds.  Every process of the database uses it at the same time, so what
 * is in it guards itself: atomics here, an LWLock or a spinlock where that is not enough.
 */
typedef struct Counter {
  pg_atomic_uint64 value;
} Counter;

PG_FUNCTION_INFO_V1(counter_next);
PG_FUNCTION_INFO_V1(counter_value);
PG_FUNCTION_INFO_V1(counter_reset);

/*
 * Runs once for each instance of the memory, before any process can look it up.  The memory
 * is already zeroed; this is the place for what zero bytes are not enough for: atomics,
 * locks, lists.
 */
static void
initialise_counter(void *ptr, void *data) {
  Counter *counter = ptr;

  (void)data;
  pg_atomic_init_u64(&counter->value, 0);
}

/*
 * dynpgext calls this whenever it provisions the extension, in whatever process does that.
 * So it registers the same things each time, and keeps nothing in static variables.
 */
void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, COUNTER_NAME, sizeof(Counter), initialise_counter, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
}

/*
 * The counter of this database, never NULL.
 *
 * The pointer is looked up each time and not kept in a static variable: the lookup costs a
 * few nanoseconds, and so it is right also when somebody drops the extension and creates
 * it again, which makes another counter.
 */
static Counter *
get_counter(void) {
  Counter *counter = dynpgext_lookup_shmem(COUNTER_NAME);

  if (counter == NULL) {
    /* asked before ereport(), for it may handle an error of its own, as any call may */
    bool present = dynpgext_loader_present();

    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the counter of this database has no shared memory"),
                    present ? errhint("Run CREATE EXTENSION dynpgext in this database first; if it "
                                      "is there, SELECT * FROM dynpgext.reload().")
                            : errhint("Install dynpgext on this server, then run CREATE EXTENSION "
                                      "dynpgext in this database.")));
  }
  return counter;
}

Datum
counter_next(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_INT64((int64)pg_atomic_add_fetch_u64(&get_counter()->value, 1));
}

Datum
counter_value(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_INT64((int64)pg_atomic_read_u64(&get_counter()->value));
}

Datum
counter_reset(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  pg_atomic_write_u64(&get_counter()->value, 0);
  PG_RETURN_VOID();
}
