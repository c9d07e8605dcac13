/*
 * Reports when its init and its fini run: NOTICE 'dx_init: NAME VERSION' and 'dx_fini: NAME
 * VERSION'.  If the setting dx_fini.log names a table (event text, name text, version
 * text), fini also inserts a row into it, in its transaction.
 *
 * DX_MINOR is the version of this library; the notices show that of the handle.
 */
#include "dx.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_fini_library);

void
_Dynpgext_init(const dynpgext_handle *handle) {
  handle->allocate_shmem(handle, "dx_fini:memory", 64, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  ereport(NOTICE, (errmsg("dx_init: %s %s", handle->name, handle->version)));
}

void
_Dynpgext_fini(const dynpgext_handle *handle) {
  const char *table = dx_setting("dx_fini.log", NULL);

  ereport(NOTICE, (errmsg("dx_fini: %s %s", handle->name, handle->version)));
  if (table != NULL) {
    Oid types[] = {TEXTOID, TEXTOID};
    Datum values[] = {CStringGetTextDatum(handle->name), CStringGetTextDatum(handle->version)};

    SPI_connect();
    SPI_execute_with_args(psprintf("INSERT INTO %s VALUES ('fini', $1, $2)", table), 2, types,
                          values, NULL, false, 0);
    SPI_finish();
  }
}

Datum
dx_fini_library(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_TEXT_P(cstring_to_text("0." CppAsString2(DX_MINOR)));
}
