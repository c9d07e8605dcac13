/*
 * The number of free slots for background workers, all taken at once.  A parallel query that
 * requests all might get more than were free, if workers that it started have ended before it
 * requests the last.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(dx_free_slots);
PG_FUNCTION_INFO_V1(dx_take_segments);

extern PGDLLEXPORT void dx_slots_main(Datum argument);

/* Keeps its slot until SIGTERM. */
void
dx_slots_main(Datum argument) {
  (void)argument;
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  BackgroundWorkerUnblockSignals();
  while (!ShutdownRequestPending) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
  }
}

/* The slots are free again when it returns. */
Datum
dx_free_slots(PG_FUNCTION_ARGS) {
  BackgroundWorkerHandle **taken = palloc(sizeof(*taken) * max_worker_processes);
  BackgroundWorker worker = {.bgw_name = "dx_slots",
                             .bgw_type = "dx_slots",
                             .bgw_flags = BGWORKER_SHMEM_ACCESS,
                             .bgw_start_time = BgWorkerStart_ConsistentState,
                             .bgw_restart_time = BGW_NEVER_RESTART,
                             .bgw_library_name = "dx_slots",
                             .bgw_function_name = "dx_slots_main"};
  int free = 0;

  (void)fcinfo;
  worker.bgw_notify_pid = MyProcPid;
  while (free < max_worker_processes && RegisterDynamicBackgroundWorker(&worker, &taken[free]))
    ++free;
  for (int i = 0; i < free; ++i)
    TerminateBackgroundWorker(taken[i]);
  for (int i = 0; i < free; ++i)
    if (WaitForBackgroundWorkerShutdown(taken[i]) == BGWH_POSTMASTER_DIED)
      proc_exit(1);
  PG_RETURN_INT32(free);
}

/* Takes all free slots for segments of dynamic shared memory; the end of the session frees them. */
Datum
dx_take_segments(PG_FUNCTION_ARGS) {
  dsm_segment *segment;
  int taken = 0;

  (void)fcinfo;
  while ((segment = dsm_create(1, DSM_CREATE_NULL_IF_MAXSEGMENTS)) != NULL) {
    dsm_pin_mapping(segment);
    taken++;
  }
  PG_RETURN_INT32(taken);
}
