/* Compiled with the header of the first release, as long as its ABI is supported. */
#define DX_OLD_HEADER "frozen/dynpgext-1.h"
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_old_header_value);

extern DYNPGEXT_EXPORT void dx_old_header_main(Datum argument);

static void
write_value(void *ptr, void *data) {
  strcpy(ptr, data);
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  static char value[] = "old header";
  BackgroundWorker worker = dx_worker_named("dx old header", "dx_old_header_main");

  handle->allocate_shmem(handle, "dx_old_header:value", 64, write_value, value,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
  handle->register_bgworker(handle, &worker, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
}

void
dx_old_header_main(Datum argument) {
  (void)argument;
  dx_idle();
}

Datum
dx_old_header_value(PG_FUNCTION_ARGS) {
  const char *value = dynpgext_lookup_shmem("dx_old_header:value");

  if (value == NULL)
    PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(value));
}
