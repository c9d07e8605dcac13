// The type of columns that keep roles by OID and are dumped by name; which of them are dumped.
#include "pg/role.h"

#include "pg/database_mark.h"
#include "pg/relation.h"
#include "sql/function.h"

using namespace dynpgext;

// One that does not exist keeps its name: a restore goes on without it.
DYNPGEXT_SQL_FUNCTION(dynpgext_role_in) {
  return pg::entry([=] {
    const std::string name = DatumGetCString(fcinfo->args[0].value);
    if (name.size() >= NAMEDATALEN)
      throw pg::error(ERRCODE_NAME_TOO_LONG,
                      "the name of a role has " + std::to_string(name.size()) + " bytes");
    const Oid role = pg::role_oid(name);
    return pg::role_datum({role, name});
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_role_out) {
  return pg::entry([=] {
    const pg::role_reference role = pg::role_of_datum(fcinfo->args[0].value);
    const std::string now = pg::role_name(role.role);
    const char *name = now.empty() ? role.name.c_str() : now.c_str();
    return pg::call([=] { return CStringGetDatum(pstrdup(name)); });
  });
}

// Of a row of dynpgext.identities, for pg_dump.  A row that does not count would, after a restore
// of the dump.  So would one of a command that the owner of a copy may not have run, or an owner
// before: whoever makes a copy decides what is in it, but not whom it runs as.  What a script has
// registered, the dump registers anyhow: by then it is better told whose it was.
DYNPGEXT_SQL_FUNCTION(dynpgext_is_dumped) {
  return pg::entry([=] {
    const bool is_foreign = !fcinfo->args[3].isnull;
    const bool has_role = !fcinfo->args[0].isnull;
    const bool by_hand = fcinfo->args[1].isnull || DatumGetBool(fcinfo->args[1].value);
    if (fcinfo->args[2].isnull) return BoolGetDatum(false);
    if (has_role && by_hand && is_foreign) return BoolGetDatum(false);
    if (!has_role || !by_hand || sql::text_argument(fcinfo, 2) == pg::database_mark())
      return BoolGetDatum(true);
    const Oid role = pg::role_of_datum(fcinfo->args[0].value).role;
    return BoolGetDatum(!pg::role_name(role).empty() && pg::may_become(pg::database_owner(), role));
  });
}
