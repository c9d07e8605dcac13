/* An ordinary extension that does not take part: dynpgext must never load its library. */
#include "postgres.h"

#include <signal.h>

#include "fmgr.h"
#include "storage/ipc.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(dx_plain);
PG_FUNCTION_INFO_V1(dx_plain_crash);
PG_FUNCTION_INFO_V1(dx_plain_leave);

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void) {
  ereport(NOTICE, (errmsg("dx_plain _PG_init")));
}

Datum
dx_plain(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_INT32(1);
}

Datum
dx_plain_crash(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  raise(SIGSEGV);
  PG_RETURN_VOID();
}

Datum
dx_plain_leave(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  proc_exit(0);
}
