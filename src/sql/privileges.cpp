// The install script's first step towards the documented privileges.
#include "pg/privileges.h"

#include "pg/relation.h"
#include "sql/function.h"

DYNPGEXT_SQL_FUNCTION(dynpgext_reset_privileges) {
  using namespace dynpgext;
  return pg::entry([] {
    if (pg::extension_in_creation() != "dynpgext")
      throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "dynpgext.reset_privileges() is for dynpgext's own scripts only");
    pg::reset_privileges(pg::extension_oid("dynpgext"));
    return Datum{0};
  });
}
