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
 * The name begins with the extension's.  It contains no version, so the counter keeps its value
 * in ALTER EXTENSION dynpgext_counter UPDATE, as long as the size is the same.  A version that
 * changes the struct uses a new name.
 */
#define COUNTER_NAME "dynpgext_counter:value"

/*
 * The content of the memory.  Processes of the database use it concurrently, so it needs its
 * own synchronization: here atomics, in other cases an LWLock or a spinlock.
 */
typedef struct Counter {
  pg_atomic_uint64 value;
} Counter;

PG_FUNCTION_INFO_V1(counter_next);
PG_FUNCTION_INFO_V1(counter_value);
PG_FUNCTION_INFO_V1(counter_reset);

/*
 * Runs once for each instance of the memory, before any process can look it up.  The memory
 * is already zeroed; initialise everything here that zero bytes do not initialise: atomics,
 * locks, lists.
 */
static void
initialise_counter(void *ptr, void *data) {
  Counter *counter = ptr;

  (void)data;
  pg_atomic_init_u64(&counter->value, 0);
}

/*
 * dynpgext calls this whenever it provisions the extension, in any process.  So it registers
 * the same objects each time, and keeps nothing in static variables.
 */
void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, COUNTER_NAME, sizeof(Counter), initialise_counter, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
}

/*
 * The counter of this database, never NULL.
 *
 * The pointer is looked up each time, and not kept in a static variable: the lookup costs a few
 * nanoseconds, and is also correct after the extension was dropped and created again, with
 * another counter.
 */
static Counter *
get_counter(void) {
  Counter *counter = dynpgext_lookup_shmem(COUNTER_NAME);

  if (counter == NULL) {
    /* called before ereport(), because like any call it may handle an error internally */
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
