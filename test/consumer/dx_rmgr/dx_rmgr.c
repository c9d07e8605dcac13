/*
 * Not an extension: a library for shared_preload_libraries that cannot be hosted.  It registers a
 * resource manager, which recovery must know from the start of the server.
 */
#include "dx.h"

#include <access/xlog_internal.h>

PG_MODULE_MAGIC;

static void
redo(XLogReaderState *record) {
  (void)record;
}

static RmgrData manager = {.rm_name = "dx_rmgr", .rm_redo = redo};

void _PG_init(void);

void
_PG_init(void) {
  if (!process_shared_preload_libraries_in_progress)
    elog(ERROR, "dx_rmgr must be preloaded");
  RegisterCustomRmgr(RM_EXPERIMENTAL_ID, &manager);
}
