/* A magic block that is too small; nothing after its size may be used. */
#include "dx.h"

PG_MODULE_MAGIC;

extern DYNPGEXT_EXPORT const dynpgext_magic *_Dynpgext_magic(void);

const dynpgext_magic *
_Dynpgext_magic(void) {
  static const dynpgext_magic magic = {4, DYNPGEXT_ABI_VERSION, sizeof(dynpgext_handle)};

  return &magic;
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  elog(ERROR, "%s: init must not be called", handle->name);
}
