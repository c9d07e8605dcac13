/*
 * The library of dx_brings and dx_brings_more.  Registers memory EXTENSION:memory, whose content is
 * EXTENSION; raises an error in the init of the extension named in the setting dx_brings.raise.
 */
#include "dx.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_brings_value);

static void
write_name(void *ptr, void *data) {
  strlcpy(ptr, data, 64);
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  char *name = psprintf("%s:memory", handle->name);

  handle->allocate_shmem(handle, name, 64, write_name, (void *)handle->name,
                         DYNPGEXT_SCOPE_DATABASE_LOCAL);
  if (strcmp(dx_setting("dx_brings.raise", ""), handle->name) == 0)
    ereport(ERROR, (errcode(ERRCODE_RAISE_EXCEPTION), errmsg("dx_brings raises")));
}

/* the content; NULL if there is no memory */
Datum
dx_brings_value(PG_FUNCTION_ARGS) {
  const char *value = dynpgext_lookup_shmem(text_to_cstring(PG_GETARG_TEXT_PP(0)));

  if (value == NULL)
    PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(value));
}
