/*
 * The usage text of the design in C++17, between the two marks: without designated
 * initialisers, with its own names, and with the header included in the usual way, not inside
 * extern "C".
 */
static void cb(void *ptr, void *data);

/* usage begins */
/* clang-format off */
#include <dynpgext.h>
PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;

void _Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "my_ext_cpp:0.1:value", 1024, cb, NULL,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);   /* or DYNPGEXT_SCOPE_GLOBAL */
  BackgroundWorker bgw = {};
  strcpy(bgw.bgw_name, "worker");
  strcpy(bgw.bgw_type, "worker");
  strcpy(bgw.bgw_function_name, "worker_cpp");
  bgw.bgw_flags = BGWORKER_SHMEM_ACCESS;
  bgw.bgw_start_time = BgWorkerStart_RecoveryFinished;
  strncpy(bgw.bgw_library_name, handle->library_name, BGW_MAXLEN);
  handle->register_bgworker(handle, &bgw, NULL, NULL,
                            DYNPGEXT_REGISTER_BGWORKER_NOTIFY | DYNPGEXT_SCOPE_GLOBAL);
}
/* clang-format on */
/* usage ends */

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/wait_event.h"

DYNPGEXT_EXPORT void worker_cpp(Datum argument);
DYNPGEXT_EXPORT Datum dx_usage_cpp_value(PG_FUNCTION_ARGS);
DYNPGEXT_EXPORT const Pg_finfo_record *pg_finfo_dx_usage_cpp_value(void);
}

/* like PG_MODULE_MAGIC outside extern "C": both declare the same dummy for their semicolon */
PG_FUNCTION_INFO_V1(dx_usage_cpp_value);

static void
cb(void *ptr, void *) {
  strcpy(static_cast<char *>(ptr), "usage in C++");
}

void
worker_cpp(Datum) {
  BackgroundWorkerUnblockSignals();
  for (;;) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
}

Datum
dx_usage_cpp_value(PG_FUNCTION_ARGS) {
  const char *value = static_cast<const char *>(dynpgext_lookup_shmem("my_ext_cpp:0.1:value"));

  if (value == NULL)
    PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(value));
}
