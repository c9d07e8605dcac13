/*
 * The usage text of the design, unchanged, between the two marks; the rest makes it complete.
 */
static void cb(void *ptr, void *data);

/* usage begins */
/* clang-format off */
#include <dynpgext.h>
PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void _Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "my_ext:0.1:value", 1024, cb, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);   /* or DYNPGEXT_SCOPE_GLOBAL */
  BackgroundWorker bgw = {.bgw_name = "worker", .bgw_type = "worker",
                          .bgw_function_name = "worker",
                          .bgw_flags = BGWORKER_SHMEM_ACCESS,
                          .bgw_start_time = BgWorkerStart_RecoveryFinished};
  strncpy(bgw.bgw_library_name, handle->library_name, BGW_MAXLEN);
  handle->register_bgworker(handle, &bgw, NULL, NULL,
                            DYNPGEXT_REGISTER_BGWORKER_NOTIFY | DYNPGEXT_SCOPE_GLOBAL);
}
/* clang-format on */
/* usage ends */

#include "dx.h"

PG_FUNCTION_INFO_V1(dx_usage_value);

extern DYNPGEXT_EXPORT void worker(Datum argument);

static void
cb(void *ptr, void *data) {
  (void)data;
  strcpy(ptr, "usage");
}

void
worker(Datum argument) {
  (void)argument;
  dx_idle();
}

Datum
dx_usage_value(PG_FUNCTION_ARGS) {
  void *ptr = dynpgext_lookup_shmem("my_ext:0.1:value");

  if (ptr == NULL)
    PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(ptr));
}
