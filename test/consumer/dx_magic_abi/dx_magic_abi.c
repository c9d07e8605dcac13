/* The magic block of a future library: an ABI that no version supports. */
#include "dx.h"

PG_MODULE_MAGIC;

extern DYNPGEXT_EXPORT const dynpgext_magic *_Dynpgext_magic(void);

const dynpgext_magic *
_Dynpgext_magic(void) {
  static const dynpgext_magic magic = {sizeof(dynpgext_magic), 999, sizeof(dynpgext_handle)};

  return &magic;
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  elog(ERROR, "%s: init must not be called", handle->name);
}
