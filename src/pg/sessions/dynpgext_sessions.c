/*
 * The library in session_preload_libraries: it has dynpgext's own load what is hosted.
 *
 * It is a library of its own because of parallel workers.  They load what their leader has loaded,
 * in the order in which the leader's libraries have returned from _PG_init.  If dynpgext's own
 * _PG_init loaded hosted libraries, these would come before it, and there would be nobody to host
 * them.
 */
#include "postgres.h"

#include <dlfcn.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/* dynpgext's own library is beside this one. */
static const char *beside(void) {
  Dl_info info;
  const char *slash;

  if (dladdr((void *)_PG_init, &info) == 0 || (slash = strrchr(info.dli_fname, '/')) == NULL)
    return "$libdir/dynpgext";
  return psprintf("%.*s/dynpgext", (int)(slash - info.dli_fname), info.dli_fname);
}

void _PG_init(void) {
  void (*start_session)(void) =
      (void (*)(void))load_external_function(beside(), "dynpgext_start_session", true, NULL);

  start_session();
}
