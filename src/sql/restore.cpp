// begin_restore, end_restore: for a restore that does not look like one, or has several parts.
#include "extensions/restore.h"

#include "pg/transaction.h"
#include "sql/function.h"

using namespace dynpgext;

DYNPGEXT_SQL_FUNCTION(dynpgext_begin_restore) {
  return pg::entry([=] {
    pg::require_writable("dynpgext.begin_restore()");
    return BoolGetDatum(provisioning::begin_restore(sql::open_store()));
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_end_restore) {
  return pg::entry([=] {
    pg::require_writable("dynpgext.end_restore()");
    return BoolGetDatum(provisioning::end_restore(sql::open_store()));
  });
}
