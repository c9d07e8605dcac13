// The first step of install script and updates towards the documented privileges.
#include "pg/privileges.h"

#include "pg/relation.h"
#include "sql/function.h"

DYNPGEXT_SQL_FUNCTION(dynpgext_reset_privileges) {
  using namespace dynpgext;
  return pg::entry([=] {
    if (pg::extension_in_creation() != "dynpgext")
      throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "dynpgext_internal.reset_privileges() is for dynpgext's own scripts only");
    // without an argument in 0.1.0
    const bool is_all = fcinfo->nargs == 0 || fcinfo->args[0].isnull;
    pg::reset_privileges(pg::extension_oid("dynpgext"),
                         is_all ? std::nullopt : std::optional(fcinfo->args[0].value));
    return Datum{0};
  });
}
