/*
 * Shared by the C extensions in this folder.  A library need not use all of it.
 */
#ifndef DX_H
#define DX_H

#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#ifdef DX_OLD_HEADER
#include DX_OLD_HEADER
#else
#include "dynpgext.h"
#endif

/* A text argument as a C string; NULL for SQL's NULL. */
#define DX_ARGUMENT(n) (PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n)))

/* A custom setting, or the fallback if it is not set. */
static inline const char *
dx_setting(const char *name, const char *fallback) {
  const char *value = GetConfigOption(name, true, false);

  return value != NULL && value[0] != '\0' ? value : fallback;
}

/* Waits until the latch is set, once. */
static inline void
dx_wait(void) {
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1, PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
}

/* A worker that does nothing until SIGTERM ends it in the server's way (FATAL). */
static inline void
dx_idle(void) {
  BackgroundWorkerUnblockSignals();
  for (;;)
    dx_wait();
}

/* A worker of this library with all required members set. */
static inline BackgroundWorker
dx_worker_named(const char *name, const char *function) {
  BackgroundWorker worker = {.bgw_flags = BGWORKER_SHMEM_ACCESS,
                             .bgw_start_time = BgWorkerStart_RecoveryFinished};

  strlcpy(worker.bgw_name, name, sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, name, sizeof(worker.bgw_type));
  strlcpy(worker.bgw_function_name, function, sizeof(worker.bgw_function_name));
  return worker;
}

#endif /* DX_H */
