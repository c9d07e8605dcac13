// The type of columns that keep a role by OID and dump it by name; the choice of rows to dump.
#include "pg/role.h"

#include "pg/database_mark.h"
#include "pg/relation.h"
#include "sql/function.h"

using namespace dynpgext;

// A nonexistent role keeps its name: the restore continues without it.
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

// For a row of dynpgext.identities, for pg_dump.  After a restore of the dump, a row that does not
// count would count.  The same holds for a command that the owner of a copy, or an earlier owner,
// could not have run: the creator of a copy decides about its content, but not about the role.
// Registrations of a script are dumped anyhow: then it is better to keep the role.
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
