/*
 * Allocations of both scopes, in three versions (DX_MINOR):
 *
 *   0.1  local, going, global, global_small
 *   0.2  drops going, adds coming
 *   0.3  registers local with another size, which must be refused
 *
 * and SQL functions that access any allocation, of any extension.
 */
#include "dx.h"

#include "utils/memutils.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_read);
PG_FUNCTION_INFO_V1(dx_write);
PG_FUNCTION_INFO_V1(dx_address);
PG_FUNCTION_INFO_V1(dx_aligned);
PG_FUNCTION_INFO_V1(dx_zero);
PG_FUNCTION_INFO_V1(dx_release);
PG_FUNCTION_INFO_V1(dx_present);
PG_FUNCTION_INFO_V1(dx_callbacks);
PG_FUNCTION_INFO_V1(dx_many_lookups);
PG_FUNCTION_INFO_V1(dx_parallel_read);

/* the content of dx_memory:global_small */
typedef struct Small {
  char text[96];
  int32 callbacks; /* runs of the callback in this instance */
} Small;

StaticAssertDecl(sizeof(Small) == 100, "dx_memory:global_small has 100 bytes");

#define LOCAL_SIZE (DX_MINOR < 3 ? 64 : 128)

static void
small_callback(void *ptr, void *data) {
  Small *small = ptr;

  snprintf(small->text, sizeof(small->text), "%s callback %d", (const char *)data,
           ++small->callbacks);
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  static char data[] = "dx_memory 0." CppAsString2(DX_MINOR);

  handle->allocate_shmem(handle, "dx_memory:local", LOCAL_SIZE, NULL, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
  handle->allocate_shmem(handle, DX_MINOR < 2 ? "dx_memory:going" : "dx_memory:coming", 4096, NULL,
                         NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  handle->allocate_shmem(handle, "dx_memory:global", 1024 * 1024, NULL, NULL,
                         DYNPGEXT_SCOPE_GLOBAL);
  handle->allocate_shmem(handle, "dx_memory:global_small", sizeof(Small), small_callback, data,
                         DYNPGEXT_SCOPE_GLOBAL);
}

/* The result of looking up the name in the first argument; NULL if there is none. */
static void *
lookup(FunctionCallInfo fcinfo) {
  return dynpgext_lookup_shmem(DX_ARGUMENT(0));
}

Datum
dx_read(PG_FUNCTION_ARGS) {
  const char *ptr = lookup(fcinfo);

  if (ptr == NULL)
    PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(ptr));
}

/* the same, for parallel queries; the second argument prevents constant folding */
Datum
dx_parallel_read(PG_FUNCTION_ARGS) {
  return dx_read(fcinfo);
}

Datum
dx_write(PG_FUNCTION_ARGS) {
  char *ptr = lookup(fcinfo);
  const char *value = DX_ARGUMENT(1);

  if (value == NULL || strlen(value) > 63)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("dx_write writes strings of up to 63 bytes")));
  if (ptr != NULL)
    strcpy(ptr, value);
  PG_RETURN_BOOL(ptr != NULL);
}

Datum
dx_address(PG_FUNCTION_ARGS) {
  void *ptr = lookup(fcinfo);

  if (ptr == NULL)
    PG_RETURN_NULL();
  PG_RETURN_INT64((int64)(uintptr_t)ptr);
}

Datum
dx_aligned(PG_FUNCTION_ARGS) {
  void *ptr = lookup(fcinfo);

  if (ptr == NULL)
    PG_RETURN_NULL();
  PG_RETURN_BOOL((uintptr_t)ptr % PG_CACHE_LINE_SIZE == 0);
}

Datum
dx_zero(PG_FUNCTION_ARGS) {
  const char *ptr = lookup(fcinfo);
  int64 length = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);

  if (ptr == NULL)
    PG_RETURN_NULL();
  for (int64 i = 0; i < length; i++)
    if (ptr[i] != '\0')
      PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(true);
}

Datum
dx_release(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(dynpgext_release_shmem(DX_ARGUMENT(0)));
}

Datum
dx_present(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_BOOL(dynpgext_loader_present());
}

Datum
dx_callbacks(PG_FUNCTION_ARGS) {
  Small *small = dynpgext_lookup_shmem("dx_memory:global_small");

  if (small == NULL)
    PG_RETURN_NULL();
  PG_RETURN_INT32(small->callbacks);
}

/* Growth of the process in bytes by n lookups after the first. */
Datum
dx_many_lookups(PG_FUNCTION_ARGS) {
  const char *name = DX_ARGUMENT(0);
  int64 count = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
  Size before;

  (void)dynpgext_lookup_shmem(name);
  before = MemoryContextMemAllocated(TopMemoryContext, true);
  for (int64 i = 0; i < count; i++) {
    (void)dynpgext_lookup_shmem(name);
    CHECK_FOR_INTERRUPTS();
  }
  PG_RETURN_INT64((int64)(MemoryContextMemAllocated(TopMemoryContext, true) - before));
}
